"""Memory: who said what, what of it was heard, and what each character is told of that."""

from __future__ import annotations

from backend.conversation import MAX_LINES, Conversation
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine
from tests.sessions import CAST, MARA, THEO


def reply(character, text: str, heard_share: float, outcome: Outcome | None) -> ReplyLine:
    """A reply of which a share was heard."""
    return ReplyLine(character, "m", text, text[: round(len(text) * heard_share)].strip(), outcome)


def contents(conversation: Conversation, character, cast=CAST) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in conversation.messages_for(character, cast)[1:]]


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


def test_the_prompt_names_company_and_forbids_speaking_for_it():
    """Every character is told who else is there and that it speaks only for itself."""
    prompt = Conversation().messages_for(MARA, CAST)[0]["content"]
    assert prompt.startswith("You are Mara.")
    assert "Theo, Iris" in prompt
    assert "Never speak for them" in prompt


def test_memory_is_bounded():
    """An endless conversation does not grow without end."""
    conversation = Conversation()
    for index in range(3 * MAX_LINES):
        conversation.add_person(str(index))
    assert contents(conversation, MARA, (MARA,))[0][1].count("\n") == MAX_LINES - 1


def test_taking_back_replies_leaves_the_person_s_line():
    """Regenerating starts from what the person said; clearing leaves nothing."""
    conversation = Conversation()
    assert conversation.take_back_replies() is None
    conversation.add_person("Well?")
    conversation.add(reply(MARA, "So.", 1, Outcome.COMPLETED))
    line = conversation.take_back_replies()
    assert line is not None
    assert line.text == "Well?"
    conversation.clear()
    assert contents(conversation, MARA) == []


def test_a_fork_goes_its_own_way():
    """Lines added to a copy are not in the original; what was heard of a line they share is corrected in both."""
    conversation = Conversation()
    conversation.add_person("Hello.")
    line = ReplyLine(MARA, "msg", "Good morning to you.")
    conversation.add(line)
    fork = conversation.fork()
    fork.add_person("And then?")
    line.outcome, line.heard_text = Outcome.INTERRUPTED, "Good morning"
    assert "And then?" not in str(conversation.messages_for(MARA, [MARA]))
    assert "And then?" in str(fork.messages_for(MARA, [MARA]))
    assert fork.id == conversation.id
    for either in (conversation, fork):
        assert either.messages_for(MARA, [MARA])[2]["content"] == "Good morning"


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
    messages = conversation.messages_for(MARA, (MARA,))[1:]
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


def test_a_note_is_an_instruction():
    """Nobody said it: it is the system's, at its place, and part of the prompt when it stands first."""
    conversation = Conversation()
    conversation.add(NoteLine("Be brief."))
    conversation.add_person("Hello.")
    conversation.add(NoteLine("Say goodbye."))
    assert contents(conversation, MARA, (MARA,)) == [("user", "Hello."), ("system", "Say goodbye.")]
    assert conversation.messages_for(MARA, (MARA,))[0]["content"].endswith("\nBe brief.")


def test_silence_is_a_line_that_says_nothing():
    """The prompt does not hold empty lines."""
    conversation = Conversation()
    conversation.add_person("", spoken=True)
    assert contents(conversation, MARA, (MARA,)) == []


def test_lines_are_found_by_their_id():
    """They can be put after another, looked at and taken out."""
    conversation = Conversation()
    assert conversation.last_id is None
    for id_, after in (("a", None), ("b", None), ("c", 0), ("d", -1)):
        conversation.add(PersonLine(id_, id=id_), after)
    assert [conversation.line(place).id for place in range(4)] == ["d", "a", "c", "b"]
    assert (conversation.place("c"), conversation.place("x"), conversation.last_id) == (2, None, "b")
    conversation.remove(2)
    assert conversation.place("c") is None


def test_who_is_only_read_is_not_told_that_it_is_heard():
    """Rules for the voice are for what is spoken."""
    aloud, silent = (Conversation().messages_for(MARA, CAST, aloud=way)[0]["content"] for way in (True, False))
    assert ("spoken" in aloud, "spoken" in silent) == (True, False)
    assert "Say only Mara's own next line" in silent


def test_an_aside_knows_what_it_is_told():
    """All of the conversation, or these lines; what is answered there stays there unless it is kept."""
    conversation = Conversation()
    line = conversation.add_person("Hello.")
    everything, one = conversation.aside(None, kept=False), conversation.aside([PersonLine("Psst.")], kept=False)
    nothing, kept = conversation.aside([], kept=False), conversation.aside([line], kept=True)
    assert contents(everything, MARA, (MARA,)) == [("user", "Hello.")]
    assert contents(one, MARA, (MARA,)) == [("user", "Psst.")]
    assert contents(nothing, MARA, (MARA,)) == []
    for aside in (everything, one, nothing):
        aside.add(reply(MARA, "Aside.", 1, Outcome.COMPLETED))
    assert contents(conversation, MARA, (MARA,)) == [("user", "Hello.")]
    kept.add(reply(MARA, "Good evening.", 1, Outcome.COMPLETED))
    assert contents(conversation, MARA, (MARA,))[-1] == contents(kept, MARA, (MARA,))[-1]
    assert contents(conversation, MARA, (MARA,))[-1] == ("assistant", "Good evening.")


def test_a_reply_that_is_not_begun_is_not_the_newest_line():
    """What is put in beside it follows a line that clients know."""
    conversation = Conversation()
    said = conversation.add_person("Hello.")
    line = ReplyLine(MARA)
    conversation.add(line)
    assert conversation.last_id == said.id
    line.text = "Good"
    assert conversation.last_id == line.id
