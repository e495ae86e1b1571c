"""Memory: who said what, and what of it was heard."""

from __future__ import annotations

from backend.conversation import FORGOTTEN_AT_ONCE, MAX_LINES, Conversation
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine, Summary
from backend.prompting.messages import messages_for
from backend.prompting.situation import Situation
from tests.sessions import CAST, MARA, THEO


def reply(character, text: str, heard_share: float, outcome: Outcome | None) -> ReplyLine:
    """A reply of which a share was heard."""
    return ReplyLine(character, "m", text, text[: round(len(text) * heard_share)].strip(), outcome)


def contents(conversation: Conversation, character, cast=CAST) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in messages_for(character, conversation, Situation(cast))[1:]]


def test_a_fork_goes_its_own_way():
    """Lines added to a copy are not in the original; what was heard of a line they share is corrected in both."""
    conversation = Conversation()
    conversation.add_person("Hello.")
    line = ReplyLine(MARA, "msg", "Good morning to you.")
    conversation.add(line)
    fork = conversation.fork()
    fork.add_person("And then?")
    line.outcome, line.heard_text = Outcome.INTERRUPTED, "Good morning"
    assert "And then?" not in str(contents(conversation, MARA))
    assert "And then?" in str(contents(fork, MARA))
    assert fork.id == conversation.id
    for either in (conversation, fork):
        assert contents(either, MARA)[1] == ("assistant", "Good morning")


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


def test_memory_is_bounded():
    """An endless conversation does not grow without end, and what is forgotten goes in blocks, the oldest first."""
    conversation = Conversation()
    lengths = set()
    for index in range(3 * MAX_LINES):
        conversation.add_person(str(index))
        lengths.add(len(conversation.lines))
    assert max(lengths) == MAX_LINES
    assert conversation.lines[-1].text == str(3 * MAX_LINES - 1)
    first = int(conversation.lines[0].text)
    assert first % FORGOTTEN_AT_ONCE == 0


def test_taking_back_leaves_what_the_person_said():
    """Replies and calls from a place on are forgotten; the person's lines and instructions stay."""
    conversation = Conversation()
    conversation.add_person("Well?")
    for line in (
        reply(MARA, "So.", 1, Outcome.COMPLETED),
        CallLine(MARA, "c", "look", "{}"),
        ResultLine("c", "a ship"),
    ):
        conversation.add(line)
    conversation.add_person("Oh.")
    conversation.add(NoteLine("Be brief."))
    conversation.take_back(1)
    assert [getattr(line, "text", None) for line in conversation.lines] == ["Well?", "Oh.", "Be brief."]
    conversation.clear()
    assert conversation.last_of_person is None


def summarised() -> Conversation:
    """A conversation of the lines 0 to 5, of which 0 to 2 are summarised."""
    conversation = Conversation()
    for index in range(6):
        conversation.add_person(str(index), id=str(index))
    assert conversation.summarise(Summary("Counting.", "2"), conversation.lines[:3])
    return conversation


def test_a_summary_stands_for_the_lines_it_was_made_of():
    """It is taken while they are the oldest that none stands for, and not when one of them has gone."""
    conversation = summarised()
    assert [line.id for line in conversation.unsummarised] == ["3", "4", "5"]
    later = list(conversation.unsummarised[:2])
    conversation.remove(conversation.place("3"))
    assert not conversation.summarise(Summary("More.", "4"), later)
    assert conversation.summary == Summary("Counting.", "2")
    assert conversation.fork().summary == conversation.summary
    assert conversation.aside((), kept=False).summary is None


def test_who_wants_a_line_forgotten_does_not_find_it_in_the_summary():
    """A summary of which a line is taken out, or everything, is made anew."""
    kept, gone, cleared = summarised(), summarised(), summarised()
    kept.remove(4)
    gone.remove(1)
    cleared.clear()
    assert (kept.summary is None, gone.summary, cleared.summary) == (False, None, None)
    assert len(gone.unsummarised) == 5


def test_what_was_heard_last():
    """A reply nobody heard is not it."""
    conversation = Conversation()
    assert conversation.last_heard is None
    conversation.add(reply(MARA, "So.", 1, Outcome.COMPLETED))
    conversation.add(reply(THEO, "Never.", 0, Outcome.INTERRUPTED))
    assert conversation.last_heard.text == "So."
