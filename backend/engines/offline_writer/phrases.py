"""What the stand-in can say, apart from the first sentence. A phrase with a slot that cannot be filled is not used.

Slots in braces: `topic` what the line is about, `echo` the line turned around, `asked` a question in indirect form,
`heard` its first words, `detail` what the act caught, `earlier` something the person spoke of before, `interest`,
`role` and `name` from the character's prompt, `person`, `company` the others present, `other` one of them, `mine` the
topic of the character's own last question.
"""

from __future__ import annotations

OPENERS: dict[str, tuple[str, ...]] = {
    "gruff": ("Hm", "Aye", "Well", "Right", "Bah", "Hmph", "Listen"),
    "cheerful": ("Oh", "Ooh", "Well", "Aw", "Hey", "Ha"),
    "precise": ("Noted", "Strictly speaking", "To be exact", "For clarity", "Very well", "Acknowledged"),
    "gentle": ("Ah", "Well now", "Softly now", "Hm", "My friend"),
    "wry": ("Well", "Naturally", "Of course", "Let me guess", "Fascinating"),
    "plain": ("Well", "All right", "Hm", "I see", "Okay"),
}
"""Put in front of a sentence with a comma, now and then."""

STAND_IN: dict[str, tuple[str, ...]] = {
    "gruff": (
        "Mind you, I'm a stand-in, talking without a language model.",
        "I tell you straight, I'm a stand-in and work without a language model.",
        "A stand-in is what I am, working without a language model.",
    ),
    "cheerful": (
        "Just so you know, I'm a stand-in, chatting away without a language model!",
        "Happily confessed, I'm a stand-in and I run without a language model!",
        "I'm the stand-in, the cheery kind without a language model!",
    ),
    "precise": (
        "For the record, I am a stand-in and speak without a language model.",
        "Classification, stand-in, operating without a language model.",
        "To state it precisely, I am a stand-in without a language model.",
    ),
    "gentle": (
        "I should tell you that I am only a stand-in, speaking without a language model.",
        "In truth I am a stand-in, and I speak without a language model.",
        "I am a stand-in, friend, a voice without a language model.",
    ),
    "wry": (
        "Full disclosure, I'm a stand-in, improvising without a language model.",
        "I'm a stand-in without a language model, so keep your expectations tasteful.",
        "You have the understudy here, a stand-in without a language model.",
    ),
    "plain": (
        "I should say that I'm a stand-in, speaking without a language model.",
        "I'm a stand-in, and I speak without a language model.",
        "To be open about it, I'm a stand-in without a language model.",
    ),
}

ASIDES: dict[str, tuple[str, ...]] = {
    "gruff": (
        "Give me {interest} over fine words any day.",
        "I know where I am with {interest}, less so with talk.",
        "A day with {interest} asks fewer questions.",
        "That's the sort of thing you chew on beside {interest}.",
        "I don't dress things up, never have.",
        "Short words do the job.",
    ),
    "cheerful": (
        "That gives me the same little buzz as {interest}!",
        "If it were up to me we'd talk about {interest} next!",
        "It brightens my day almost as much as {interest}!",
        "I'm smiling over here, you can probably hear it!",
        "I love how this is going!",
        "You always bring me something new!",
    ),
    "precise": (
        "I shall file that directly beside {interest}.",
        "In my order of priorities it now ranks just below {interest}.",
        "I have cross-referenced it with {interest} and found no contradiction.",
        "I repeat only what has been said, nothing is added.",
        "An exact statement deserves an exact listener.",
        "I keep such things in the order in which they were said.",
    ),
    "gentle": (
        "It has something of {interest} about it.",
        "I used to let my thoughts drift to {interest} when someone spoke like that.",
        "Such things are best taken slowly, like {interest}.",
        "There's no hurry here.",
        "I let your words settle a moment.",
    ),
    "wry": (
        "It's no {interest}, but it will do.",
        "And here I thought we'd be discussing {interest}.",
        "I had braced myself for {interest}, so this is a relief.",
        "I contain multitudes, all of them rather small.",
        "My schedule was open anyway.",
    ),
    "plain": (
        "It makes me think of {interest}.",
        "I'd put it next to {interest}.",
        "I take it the way you said it.",
        "I'm following you.",
    ),
}
"""A sentence in the middle that shows who is speaking."""

MEMORIES = (
    "Before that you spoke of {earlier}, and I wonder if the two belong together.",
    "I haven't forgotten {earlier} either.",
    "It was {earlier} a while ago, so you do get around.",
    "Maybe it has to do with {earlier}, which you brought up earlier.",
    "First {earlier}, now this.",
)
HEARD_OTHER = (
    "{other} has had a say, now you've heard mine.",
    "I listened to {other} too, and I leave {other}'s words to {other}.",
    "That's my side of it, you have {other}'s already.",
    "{other} may see it differently.",
    "I won't repeat what {other} said before me.",
)

ON_STATEMENT: dict[str, tuple[str, ...]] = {
    "gruff": (
        "What's so special about {topic}?",
        "So what's the trouble with {topic}?",
        "Out with it, what's behind {topic}?",
        "And what are you going to do about it?",
        "Where does that leave you with {topic}?",
        "What needs doing about {topic}?",
    ),
    "cheerful": (
        "Tell me everything about {topic}, will you?",
        "How did it come to {topic}?",
        "What's the best part about {topic}?",
        "Who else should hear about {topic}?",
        "What would make it even better?",
        "Ooh, can I hear more about {topic}?",
    ),
    "precise": (
        "Could you define what you mean by {topic}?",
        "Would you state how {topic} came up?",
        "Which detail of {topic} matters most to you?",
        "Since when has this concerned you?",
        "In what respect should I consider {topic}?",
        "Is your account of {topic} complete?",
    ),
    "gentle": (
        "What do you see in {topic}?",
        "When did {topic} first find you?",
        "How does it feel to say that aloud?",
        "What would you wish for, with {topic}?",
        "Would you tell me a little more about {topic}?",
    ),
    "wry": (
        "Dare I ask how {topic} got into your life?",
        "And what, pray, comes after {topic}?",
        "Shall I act surprised, or is there more to {topic}?",
        "Who do we blame for {topic}?",
        "Was that always the way with {topic}?",
    ),
    "plain": (
        "What makes you think of {topic}?",
        "What else should I know about {topic}?",
        "How long have you been thinking about {topic}?",
        "What would you like to do about it?",
        "Can you tell me more about {topic}?",
    ),
}
ON_EVENT = (
    "What happened then?",
    "And how did it end?",
    "What did you do after that?",
    "Were you alone with it?",
    "How did you take it?",
    "Did you see it coming?",
)
ON_QUESTION: dict[str, tuple[str, ...]] = {
    "gruff": (
        "Why ask me about {topic}?",
        "Who's been filling your head with {topic}?",
        "What do you make of it yourself?",
    ),
    "cheerful": (
        "Ooh, what's your own guess about {topic}?",
        "What got you curious about {topic}?",
        "Shall we wonder about {topic} together?",
    ),
    "precise": (
        "For what purpose do you require {topic}?",
        "What have you established about {topic} so far?",
        "What is your own hypothesis?",
    ),
    "gentle": (
        "What does your heart say about {topic}?",
        "What made you wonder about {topic}?",
        "What answer would you hope for?",
    ),
    "wry": (
        "Did you have an answer about {topic} in mind already?",
        "Is there a prize for knowing about {topic}?",
        "Who sent you to ask about {topic}?",
    ),
    "plain": (
        "Why do you ask about {topic}?",
        "What have you heard about {topic} so far?",
        "What would be your own guess?",
    ),
}
ON_FEELING = (
    "Do you want to tell me more?",
    "What brought it on?",
    "Does anybody else know that you feel {detail}?",
    "What would do you good now?",
    "Since when have you felt {detail}?",
    "Shall I just listen for a while?",
)
ON_TOPIC = (
    "What would you say yourself about {topic}?",
    "Where would {topic} come into it?",
    "Is there more to say about {topic}?",
    "And you, where do you stand on {topic}?",
    "Shall we stay with {topic}, or go on to something else?",
    "What should I ask you about {topic}?",
)
ON_NOTHING = (
    "What shall we talk about?",
    "What's on your mind?",
    "What brings you here?",
    "How has your day been?",
    "What would you like to tell me?",
    "Where shall we go from here?",
    "What else is there?",
    "Shall we talk about {interest}?",
    "Have you ever thought about {interest}?",
    "Is there more you'd like to say about {earlier}?",
    "Shall we go back to {earlier}?",
)
"""The last sentence hands the word back; the groups are by what it follows."""

PARTINGS = (
    "I'll be here when you want to go on.",
    "Come back with news about {earlier}.",
    "Look after yourself.",
    "I enjoyed hearing about {earlier}.",
    "Until then I have {interest} to think of.",
)
COUNTED = "That makes {count} things we have said by now."
"""Never the same twice: for conversations that have used up everything else."""
