"""What words say about the turn."""

import pytest

from backend.pipelines.spoken_words import Completeness, completeness, echoes, is_backchannel, same_meaning

FINISHED = """
What time is it?
what time is it
Nora what is the weather like
where are you from
Tomorrow at nine.
i went to the park with my dog
Yes please.
no
thank you
When I was in London last year, I saw a play.
Turn the light on.
What are you looking for
你好吗?
Not really
I think so
Yes I am
That is what I was thinking about
I know who you are
I'm ready when you are
It was very good
I'll take the red one
If you have time we could have lunch together
As far as I know it's closed
Before you start cooking, wash your hands.
What can you give me
There is nothing you could bring us
Who told me
Please call me
Show me.
""".strip().splitlines()

UNFINISHED = """
I would like the
and then I went to
I would like, um
Well,
so I told him that we were
because he
when I was in London
It was really
I think...
my sister and
what is the
I went to the.
I have lost my new
He gave me a very good
He lives in a village near
As soon as I get home
When I was in London last year
Could you please
On the other hand
The thing is
What I want to say is
It costs about
Can you give me
Please bring us
""".strip().splitlines()

UNCLEAR = [
    "Yes, tomorrow",
    "turn the light on",
    "Tomorrow",
    "",
    "tu vas où",
    "I know that",
    "She is the best",
    "We should probably",
    "Put it on",
    "Could you tell me",
    "Show us",
]


@pytest.mark.parametrize("text", FINISHED)
def test_finished(text):
    """A whole sentence is seen to be one, with punctuation or without."""
    assert completeness(text) is Completeness.FINISHED


@pytest.mark.parametrize("text", UNFINISHED)
def test_unfinished(text):
    """A sentence that must go on is seen to, whatever full stop a recogniser puts after it."""
    assert completeness(text) is Completeness.UNFINISHED


@pytest.mark.parametrize("text", UNCLEAR)
def test_unclear(text):
    """What may or may not be all is left to a middling silence."""
    assert completeness(text) is Completeness.UNCLEAR


@pytest.mark.parametrize(
    "text", ["mhm", "Mm-hmm.", "Uh-huh", "Yeah, right.", "okay", "I see.", "Ha ha!", "oh wow", "um"]
)
def test_backchannels(text):
    """Words of a listener."""
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text", ["stop", "no", "yeah but why", "right, let me tell you", "okay okay okay okay okay", "wait"]
)
def test_no_backchannels(text):
    """Words of somebody who wants to speak."""
    assert not is_backchannel(text)


def test_hesitation_changes_no_meaning():
    """An answer to the words stays an answer to them when an "um" or a comma is added; other words make another."""
    assert same_meaning("What time is it", "What, um, time is it?")
    assert not same_meaning("What time is it", "What time is it there?")


def test_echoes():
    """What the character says comes back with a word or two misheard; what the person says does not look like it."""
    spoken = "The sea was quiet that morning, and I could hear the bells of the harbour across the water."
    assert echoes("was quiet that morning", spoken)
    assert echoes("i could hear the belts of the harbour", spoken)
    assert not echoes("can you tell me another story", spoken)
    assert not echoes("stop", spoken)
    assert not echoes("", spoken)
