"""What was said, as one character sees it."""

from __future__ import annotations

from backend.conversation import Conversation
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, ReplyLine, ResultLine
from backend.prompting.dialogue import OPENING, dialogue
from tests.sessions import CAST, MARA, THEO

BEGUN = ("user", OPENING)


def reply(character, text: str, heard_share: float, outcome: Outcome | None) -> ReplyLine:
    """A reply of which a share was heard."""
    return ReplyLine(character, "m", text, text[: round(len(text) * heard_share)].strip(), outcome)


def told(conversation: Conversation, character, cast=CAST, longest: int = 1000):
    return dialogue(conversation.lines, character, "User", named=len(cast) > 1, longest=longest)


def contents(conversation: Conversation, character, cast=CAST, longest: int = 1000) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in told(conversation, character, cast, longest)]


def test_own_lines_are_the_assistant_s_and_others_carry_names():
    """In a cast everybody knows who said what; a character's own lines are its own."""
    conversation = Conversation()
    conversation.add_person("Hello you two.")
    conversation.add(reply(MARA, "Good evening.", 1, Outcome.COMPLETED))
    conversation.add(reply(THEO, "Evening.", 1, Outcome.COMPLETED))
    assert contents(conversation, MARA) == [
        ("user", "User: Hello you two."),
        ("assistant", "Good evening."),
        ("user", "Theo: Evening."),
    ]
    assert contents(conversation, THEO) == [
        ("user", "User: Hello you two.\nMara: Good evening."),
        ("assistant", "Evening."),
    ]


def test_alone_with_one_character_no_names_are_needed():
    """A single character's prompt is the plain chat every model knows."""
    conversation = Conversation()
    conversation.add_person("Hello.")
    assert contents(conversation, MARA, (MARA,)) == [("user", "Hello.")]


def test_roles_alternate():
    """Strict chat templates refuse two messages of one role in a row."""
    conversation = Conversation()
    conversation.add_person("One.")
    conversation.add(reply(MARA, "Unheard.", 0, Outcome.INTERRUPTED))
    conversation.add_person("Two.")
    assert contents(conversation, MARA, (MARA,)) == [("user", "One.\nTwo.")]


def test_others_remember_only_what_was_heard():
    """A line that was cut off is cut off for everybody, and marked."""
    conversation = Conversation()
    conversation.add_person("Well?")
    conversation.add(reply(MARA, "aaaa bbbb cccc dddd", 0.5, Outcome.INTERRUPTED))
    assert contents(conversation, THEO)[-1][1].endswith("Mara: aaaa bbbb [cut off]")


def test_a_reply_being_heard_counts_as_written():
    """The next character of a turn answers what is being said, though it has not been heard to the end."""
    conversation = Conversation()
    conversation.add_person("Well?")
    conversation.add(reply(MARA, "I think so.", 0.1, None))
    assert "Mara: I think so." in contents(conversation, THEO)[-1][1]


def test_a_call_is_told_with_its_result():
    """Models want both, one right after the other, wherever the result came; without one the call is left out."""
    conversation = Conversation()
    conversation.add_person("What is there?")
    for number in (1, 2, 3):
        conversation.add(CallLine(MARA, f"call_{number}", "look", "{}"))
    conversation.add_person("Well?")
    conversation.add(ResultLine("call_2", "a ship"))
    conversation.add(ResultLine("call_1", ""))
    conversation.add(ResultLine("call_9", "of nothing"))
    messages = told(conversation, MARA, (MARA,))
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "tool", "user"]
    calls = [message["tool_calls"][0]["id"] for message in messages if "tool_calls" in message]
    assert calls == [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    assert calls == ["call_1", "call_2"]


def test_what_is_said_after_a_call_stands_for_itself():
    """A message that calls a function is never joined with another."""
    conversation = Conversation()
    conversation.add(reply(MARA, "Let me look.", 1, Outcome.COMPLETED))
    conversation.add(CallLine(MARA, "call_1", "look", "{}"))
    conversation.add(ResultLine("call_1", "a ship"))
    conversation.add(reply(MARA, "A ship.", 1, Outcome.COMPLETED))
    assert [content for _, content in contents(conversation, MARA, (MARA,))] == [
        OPENING,
        "Let me look.",
        "",
        "a ship",
        "A ship.",
    ]


def test_calls_of_others_are_not_told():
    """A character knows what others said, not what they looked up."""
    conversation = Conversation()
    conversation.add(CallLine(THEO, "call_1", "look", "{}"))
    conversation.add(ResultLine("call_1", "a ship"))
    assert contents(conversation, MARA) == []


def test_silence_is_a_line_that_says_nothing():
    """The prompt does not hold empty lines."""
    conversation = Conversation()
    conversation.add_person("", spoken=True)
    assert contents(conversation, MARA, (MARA,)) == []


def test_a_note_is_an_instruction():
    """Nobody said it. There is one system message only, so it stands among the lines, and says what it is."""
    conversation = Conversation()
    conversation.add_person("Hello.")
    conversation.add(NoteLine("Say goodbye."))
    assert contents(conversation, MARA, (MARA,)) == [("user", "Hello.\n[Instruction: Say goodbye.]")]


def test_the_first_line_is_never_the_characters_own():
    """Strict chat templates want the user's there: a greeting is not refused."""
    conversation = Conversation()
    conversation.add(reply(MARA, "Good evening.", 1, Outcome.COMPLETED))
    assert contents(conversation, MARA) == [BEGUN, ("assistant", "Good evening.")]


def test_of_a_line_that_is_too_long_the_middle_is_left_out():
    """A text pasted in does not push out everything else; functions' results neither."""
    conversation = Conversation()
    conversation.add_person("Look: " + "word " * 1000 + "What is it?")
    conversation.add(CallLine(MARA, "call_1", "look", "{}"))
    conversation.add(ResultLine("call_1", "ship " * 1000))
    said, _, result = contents(conversation, MARA, (MARA,), longest=100)
    assert said[1].startswith("Look: word")
    assert said[1].endswith("What is it?")
    assert "[…]" in said[1]
    assert max(len(said[1]), len(result[1])) < 400


def test_a_call_that_is_too_long_is_left_out():
    """Half of its arguments would be no JSON."""
    conversation = Conversation()
    conversation.add(CallLine(MARA, "call_1", "look", '{"at": "' + "sea " * 1000 + '"}'))
    conversation.add(ResultLine("call_1", "a ship"))
    assert contents(conversation, MARA, (MARA,), longest=100) == []
