"""Forms with a file. They are no parameters of a route: FastAPI would read them before the key is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile

from backend.errors import InvalidRequest, TooLarge
from backend.routes.connected import at_most

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.datastructures import FormData

MAX_TEXT_BYTES = 1 << 20
"""Of everything in a form that is not the file."""


async def read_form(request: Request, name: str, max_file_bytes: int) -> tuple[dict[str, list[str]], bytes | None]:
    """The text fields, each with all its values, and the file in the field `name`; `None` when none was uploaded.

    Raises `TooLarge` when it is larger than `max_file_bytes`, and `InvalidRequest` for a body that is no form.
    """

    def too_large() -> TooLarge:
        return TooLarge(f"{name}: at most {max_file_bytes >> 20} MB are taken", name)

    try:
        async with at_most(max_file_bytes + MAX_TEXT_BYTES, request, too_large).form() as form:
            texts = {key: [value for value in form.getlist(key) if isinstance(value, str)] for key in form}
            data = await _file(form, name, max_file_bytes + 1)
    except UnicodeError as error:
        raise InvalidRequest("the form is not in the character set that it names") from error
    if data is not None and len(data) > max_file_bytes:
        raise too_large()
    return texts, data


async def _file(form: FormData, name: str, size: int) -> bytes | None:
    file = form.get(name)
    return await file.read(size) if isinstance(file, UploadFile) else None
