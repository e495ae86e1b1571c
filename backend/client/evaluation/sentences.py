"""What people say in the evaluation. A mark such as `[filler]` in a sentence is a pause at that kind of place.

No digits and no names: a recogniser that writes them its own way would be charged with errors.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

Place = Literal["filler", "connective", "clause", "phrase", "whole"]
"""What comes before a pause: a filler, a conjunction or preposition, a clause that ends with a comma, the beginning of
a noun phrase, or words that could have been the whole sentence."""

PLACES: tuple[Place, ...] = get_args(Place)
_MARK = re.compile(rf"\s*\[({'|'.join(PLACES)})\]\s*")


def parts(sentence: str) -> tuple[tuple[str, ...], tuple[Place, ...]]:
    """The texts between the pauses of a marked sentence, and the places of those pauses (one fewer)."""
    pieces = _MARK.split(sentence)
    places: dict[str, Place] = {place: place for place in PLACES}
    return tuple(pieces[::2]), tuple(places[piece] for piece in pieces[1::2])


FINISHED = (
    "Yes please.",
    "Tomorrow at nine.",
    "No, thank you.",
    "Not really.",
    "Maybe later.",
    "The blue one.",
    "About two hours ago.",
    "I think so.",
    "On the table in the kitchen.",
    "What time is it?",
    "Where do you live?",
    "How was your day?",
    "Can you hear me?",
    "Who is coming to dinner?",
    "What is the weather like today?",
    "Why did you leave so early?",
    "Do you want to go for a walk?",
    "Which of these books did you like best?",
    "Have you ever been to the mountains in winter?",
    "Could you tell me how to get to the station?",
    "What would you do with a million dollars?",
    "Is there anything good to eat in the house?",
    "Tell me a story about a dog and a river.",
    "Please open the window.",
    "Give me three reasons to stay at home.",
    "Play some music for us.",
    "Explain it to me again in simple words.",
    "Turn off the lights before you go to bed.",
    "Read me the first page of the letter.",
    "Remind me to call my mother in the evening.",
    "Help me to write a short letter to the school.",
    "I would like a cup of tea.",
    "My brother lives near the sea.",
    "We went to the market on Sunday.",
    "I have never seen so many birds.",
    "The train was late again this morning.",
    "She told me that the shop is closed.",
    "I am looking for a good book about the war.",
    "He bought an old house and painted it white.",
    "It was raining when we got home from the party.",
    "You were right about the bread, it was very good.",
    "I forgot to bring the keys and had to wait outside.",
    "They say that the winter will be long and cold this year.",
    "If you have time we could have lunch together on Friday.",
    "That sounds like a lot of fun.",
    "This is the best coffee in town.",
    "I do not understand the question.",
    "My father used to sing that song when I was little.",
)

UNFINISHED = (
    "I would like, um, [filler] a table by the window.",
    "Can you tell me, uh, [filler] where the nearest bank is?",
    "It was, um, [filler] a very long time ago.",
    "So I was thinking, uh, [filler] we could go to the beach.",
    "The name of the street is, um, [filler] Garden Lane.",
    "Well, um, [filler] I have not decided yet.",
    "Could I have, uh, [filler] the soup and [connective] a glass of water?",
    "I need, um, [filler] some help with my homework.",
    "We bought apples and [connective] a bag of rice.",
    "I stayed at home because [connective] it was raining all day.",
    "He wanted to come but [connective] he had to work.",
    "Put the flowers on [connective] the table in the hall.",
    "I am looking for [connective] a present for my wife.",
    "She walked home with [connective] her little brother.",
    "You can take the bus or [connective] walk along the river.",
    "I would go there if [connective] I had more time.",
    "We talked about [connective] the plans for the summer and [connective] the new house.",
    "He lives in a village near [connective] the border.",
    "When I was in London last year, [clause] I went to see a play.",
    "If it does not rain tomorrow, [clause] we will have a picnic.",
    "After the meeting was over, [clause] everybody went to lunch.",
    "Before you start cooking, [clause] wash your hands.",
    "As soon as I get home, [clause] I will send you the letter.",
    "Although the book was long, [clause] I read it in one day.",
    "When the phone rang, [clause] I was in the garden with [connective] my neighbor.",
    "Since you asked me, [clause] I think you should go.",
    "I wanted to ask you about my [phrase] sister.",
    "Yesterday I met the [phrase] teacher from your school.",
    "They live in a big [phrase] house on the hill.",
    "Can you give me the [phrase] number of the doctor?",
    "I have lost my new [phrase] umbrella on the train.",
    "We are going to visit an old [phrase] friend of my mother.",
    "Tell me more about the [phrase] history of the town.",
    "He gave me a very [phrase] good idea for, um, [filler] the weekend.",
    "She is the best [phrase] player in the team.",
    "What I really like is the [phrase] smell of fresh bread.",
)

WHOLE = (
    "I went to the park [whole] with my dog.",
    "We can meet tomorrow [whole] at the station.",
    "I like this song [whole] because it makes me happy.",
    "She bought a car [whole] last week.",
    "Can you help me [whole] with the dishes?",
    "I want to learn to cook [whole] like my grandmother.",
    "He called me [whole] when he came home.",
    "Tell me a story [whole] about the sea.",
    "We had dinner [whole] at that new place near the river.",
    "My sister is a doctor [whole] in a small hospital.",
    "I will send you the photos [whole] when I get home.",
    "They moved to the city [whole] after the war.",
    "The film was very good [whole] but a little too long.",
    "Do you have time [whole] on Friday evening?",
    "Is there a train [whole] to the airport?",
    "What did you do [whole] before you came here?",
)

BACKCHANNELS = ("Mhm.", "Uh-huh.", "Yeah.", "Right.", "Okay.", "I see.", "Oh wow.", "Sure.", "Ha ha.", "Hmm.")

PRONOUNCED = {"Mhm.": "Um hum."}
"""What the synthesiser is given, where it would spell the word."""

BARGE_INS = (
    "Wait, stop, I meant the other one.",
    "No, that is not what I asked.",
    "Sorry, can you tell me about the sea instead?",
    "Stop it, please.",
    "Hold on a second, I have a question.",
    "That is enough, thank you.",
    "Let me say something.",
    "No, I was talking about my brother.",
    "Can we talk about something else?",
    "What do you mean by that?",
    "I have heard this story before.",
    "Please be quiet for a moment.",
    "Actually, I would like to know how old you are.",
    "How long does it take to get there?",
    "Wait a minute, who is that?",
    "You already told me that yesterday.",
)
