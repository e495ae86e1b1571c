"""Who may use the HTTP doors."""

from __future__ import annotations

import httpx2
import pytest

from tests.routes.test_speech import server

ASKED = {"model": "any", "voice": "nova", "input": "Hi."}
ELSEWHERE = {"origin": "https://elsewhere.example"}
HEADERS = [{"authorization": "Bearer secret"}, {"authorization": "bearer  secret"}, {"x-api-key": "secret"}]


async def asking(client, **options) -> httpx2.Response:
    async with httpx2.AsyncClient() as http:
        return await http.post(f"{client.base_url}audio/speech", json=ASKED, **options)


@pytest.mark.parametrize("headers", HEADERS)
async def test_the_key_in_a_header(headers):
    """The key is taken where OpenAI's clients and others put it."""
    async with server(api_key="secret") as (client, _):
        assert (await asking(client, headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret"}])
async def test_no_key(headers):
    """Without the right key every door is closed, in OpenAI's shape."""
    async with server(api_key="secret") as (client, tts):
        answer = await asking(client, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
        assert not tts.spoken


async def test_a_page_of_another_site_may_not_use_its_visitors_server():
    """A form or a script of any site could otherwise have a server on the visitor's own machine work for it."""
    async with server() as (client, tts):
        assert (await asking(client, headers=ELSEWHERE)).status_code == 401
        assert not tts.spoken
        assert (await asking(client, headers={"origin": str(client.base_url).removesuffix("/v1/")})).status_code == 200


async def test_a_page_that_is_allowed_may_and_its_browser_is_told():
    """`--allowed-origins` holds for the HTTP doors as for the socket."""
    async with server(allowed_origins=ELSEWHERE["origin"]) as (client, _):
        answer = await asking(client, headers=ELSEWHERE)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ELSEWHERE["origin"]
        preflight = {**ELSEWHERE, "access-control-request-method": "POST"}
        async with httpx2.AsyncClient() as http:
            answer = await http.options(f"{client.base_url}audio/speech", headers=preflight)
        assert answer.headers["access-control-allow-origin"] == ELSEWHERE["origin"]
