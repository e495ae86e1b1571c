"""The prompt of one character: within its budget, and alike from turn to turn."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.characters import Lorebook, LoreEntry, Persona
from backend.conversation import Conversation
from backend.engines.interfaces import Generation
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, ReplyLine, ResultLine, Summary
from backend.prompting.messages import messages_for
from backend.prompting.situation import Situation, prompt_tokens
from backend.tokens import estimated_tokens
from tests.sessions import IRIS, MARA, THEO

LORE = Lorebook((LoreEntry("The rope is rotten, {{user}}.", ("rope",)), LoreEntry("It never rains.", ("rain",))))
KNOWING = replace(MARA, persona=Persona(lorebook=LORE, post_history_instructions="Answer {{user}} as {{char}}."))
CAST = (KNOWING, THEO, IRIS)
BLOCK_TOKENS = 90
"""At least so much is left out at once of the prompts of 1536 tokens below."""

ASIDE = "[Note to Mara, which nobody else reads]\n"

texts = st.sampled_from(
    ["Hm.", "What about the rope?", "It will rain. " * 12, "猫が好きです。" * 20, "word " * 300, "", "a\n\nb: c"]
)
happenings = st.one_of(
    st.tuples(st.just("person"), texts),
    st.tuples(st.sampled_from(["reply", "cut", "unheard"]), texts, st.integers(0, 2)),
    st.tuples(st.just("note"), st.sampled_from(["Be brief.", "Whisper. " * 60])),
    st.tuples(st.just("call"), texts),
    st.just(("summary",)),
)


def happen(conversation: Conversation, happening) -> None:
    """Let the conversation go on."""
    match happening:
        case ("person", text):
            conversation.add_person(text)
        case ("note", text):
            conversation.add(NoteLine(text))
        case ("call", text):
            conversation.add(CallLine(KNOWING, f"call_{len(conversation.lines)}", "look", "{}"))
            conversation.add(ResultLine(f"call_{len(conversation.lines) - 1}", text))
        case ("summary",):
            covered = conversation.unsummarised[: len(conversation.unsummarised) // 2]
            conversation.summarise(Summary("They talked. " * 60, covered[-1].id if covered else ""), covered)
        case (how, text, who):
            heard = {"reply": text, "cut": text[: len(text) // 2].rstrip(), "unheard": ""}[how]
            outcome = Outcome.COMPLETED if how == "reply" else Outcome.INTERRUPTED
            conversation.add(ReplyLine(CAST[who], text=text, heard_text=heard, outcome=outcome))


def flat(messages) -> str:
    """A prompt as one text, without what only this answer is told."""
    text = "".join(f"<{m['role']}>{m['content']}{m.get('tool_calls', '')}" for m in messages)
    return text.split(ASIDE)[0].removesuffix("<user>").removesuffix("\n\n")


def tokens_of(messages) -> int:
    return sum(estimated_tokens(m["content"]) for m in messages)


@given(st.lists(happenings, max_size=60), st.sampled_from([1536, 2500, 7680]))
@settings(max_examples=120, deadline=None)
def test_a_prompt_is_within_its_budget_and_well_formed(script, tokens):
    """Whatever was said: it fits, there is one system message and it is first, and user and assistant take turns."""
    conversation = Conversation()
    for happening in script:
        happen(conversation, happening)
    for character in CAST:
        messages = messages_for(character, conversation, Situation(CAST, "A harbour.", tokens=tokens))
        assert tokens_of(messages) <= tokens
        roles = [m["role"] for m in messages if "tool_calls" not in m]
        assert roles[0] == "system"
        assert "system" not in roles[1:]
        assert roles[1:2] in ([], ["user"])
        assert all(first != then for first, then in pairwise(roles[1:]) if "tool" not in (first, then))


@given(st.lists(happenings, min_size=2, max_size=80))
@settings(max_examples=120, deadline=None)
def test_a_prompt_begins_with_the_prompt_before(script):
    """Servers reuse what they have computed of a prompt as far as the next one is the same, byte for byte: but for a
    summary, it begins anew only where a block of lines is left out."""
    situation = Situation(CAST, "A harbour.", tokens=1536)
    for character in CAST:
        conversation, before, anew = Conversation(), "", 0
        for happening in script:
            happen(conversation, happening)
            now = flat(messages_for(character, conversation, situation))
            if happening[0] not in ("summary", "note") and not now.startswith(before):
                anew += 1
            before = now
        said = sum(estimated_tokens(str(happening[1:])) + 70 for happening in script)
        assert anew <= 1 + said // BLOCK_TOKENS


def test_what_was_said_calls_up_what_a_character_knows():
    """Lore and the card's last instructions stand in the last message, for this character only, and for this answer."""
    conversation = Conversation()
    conversation.user_name = "Ben"
    conversation.add_person("Mind the rope.")
    said = messages_for(KNOWING, conversation, Situation(CAST))[-1]["content"]
    assert said == f"Ben: Mind the rope.\n\n{ASIDE}The rope is rotten, Ben.\nAnswer Ben as Mara."
    assert messages_for(THEO, conversation, Situation(CAST))[-1]["content"] == "Ben: Mind the rope."


def test_after_its_own_line_the_aside_stands_alone():
    """A character that speaks again is told all the same."""
    conversation = Conversation()
    conversation.add(ReplyLine(KNOWING, text="Hm.", heard_text="Hm.", outcome=Outcome.COMPLETED))
    last = messages_for(KNOWING, conversation, Situation(CAST))[-1]
    assert last == {"role": "user", "content": f"{ASIDE}Answer User as Mara."}


def test_a_summary_stands_for_what_was_before():
    """It is told instead of its lines, after everything that stays the same."""
    conversation = Conversation()
    for text in ("One.", "Two.", "Three."):
        conversation.add_person(text)
    conversation.summarise(Summary("They counted.", conversation.lines[1].id), conversation.lines[:2])
    system, said = messages_for(THEO, conversation, Situation(CAST))
    assert system["content"].endswith("\n\nWhat happened before:\nThey counted.")
    assert said["content"] == "User: Three."


def test_instructions_outlast_the_lines_around_them():
    """One at the beginning, or before lines that are left out or summarised, is part of the system's message."""
    conversation = Conversation()
    conversation.add(NoteLine("Be brief."))
    conversation.add_person("One.")
    conversation.add(NoteLine("Whisper."))
    conversation.add_person("Two.")
    assert messages_for(THEO, conversation, Situation(CAST))[0]["content"].endswith("\n\nBe brief.")
    conversation.summarise(Summary("They counted.", conversation.lines[2].id), conversation.lines[:3])
    system = messages_for(THEO, conversation, Situation(CAST))[0]["content"]
    assert system.endswith("\n\nBe brief.\n\nWhisper.\n\nWhat happened before:\nThey counted.")


def test_the_reply_has_its_share_of_the_context():
    """What it may take is not the prompt's, by either name; no more than half, though."""
    assert prompt_tokens(8192, Generation()) == 8192 - 512
    assert prompt_tokens(8192, Generation(max_tokens=100)) == 8092
    assert prompt_tokens(8192, Generation(extra={"max_completion_tokens": 1000})) == 7192
    assert prompt_tokens(8192, Generation(max_tokens=100, extra={"tools": ["look" * 1000]})) == 8192 - 100 - 1001
    assert prompt_tokens(2048, Generation(max_tokens=30_000)) == 1024
