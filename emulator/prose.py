"""A long text for streams that a person watches, and a function that cuts text into tokens."""

import re

#: About 1,150 tokens as ``tokens`` cuts them.
LONG = """\
# How a runnel finds its way

A *runnel* is the smallest stream that still deserves a name: a thread of water that you can step across \
without looking down. It begins where rain has nowhere else to go. A drop that falls on a hillside may be \
drunk by moss, or lifted back into the air, or pressed into the ground until it forgets that it was ever \
rain. But when the ground has had enough, the next drop stays on top, meets another, and the two of them \
lean downhill together. 💧

## The first metre

Nobody tells water where to go. It feels for the steepest way down, a finger's width at a time, and it \
is wrong surprisingly often. It fills a hollow, waits, spills over the lowest lip, and tries again. What \
looks like a decision is only patience. After an hour the hollow has a notch in its rim; after a winter \
the notch is a channel; after ten winters there is a line on the map, and somebody gives it a name.

Three things shape that line:

1. **The slope**, which says how fast the water runs and so how large a grain it can carry.
2. **The ground**, which gives way easily where it is sand and hardly at all where it is granite.
3. **The weather**, which decides whether a year's work is done in a year or in one night in March.

Hydrologists have a dry word for the whole affair. They call it *channel initiation*, and they can tell \
you to within a few metres where on a slope it will happen. What they cannot tell you is which blade of \
grass will turn the stream to the left.

## Company

A runnel on its own dries up by June. It lives by meeting others. Where two of them join, the new one is \
not twice as strong but rather more than that: deeper water loses less of itself to friction, so it runs \
faster, carries more, and cuts a better bed. In Zürich they say that the Limmat is *nur ein Bächlein mit \
Ehrgeiz*, only a brook with ambition; on the coast of Brittany a *ruisseau côtier* may be born and reach \
the sea in a single afternoon. In Japanese the word is 小川, *ogawa*, a small river, and there is a song \
about it that every child knows. In Greek it is ρυάκι, in Polish strumyk, and in the north of England it \
is a beck, a burn or a gill, depending on which hill you are standing on and who is correcting you.

> “No man ever steps in the same river twice,” said Heraclitus, who had evidently never tried to step \
over one with wet boots.

The habits of small streams are old, and they can be learned in a morning:

- they are loudest where they are shallowest;
- they turn towards the softer bank, and then regret it;
- they drop what they carry as soon as they are tired;
- they never, under any circumstances, go back.

## A little arithmetic

Suppose that a slope of one hectare receives ten millimetres of rain. That is `10 000 m² × 0.01 m`, or a \
hundred cubic metres: a hundred tonnes of water, delivered without a sound. If a third of it runs off over \
four hours, the runnel at the foot of the slope carries a little more than two litres a second, about as \
much as a bathtub tap that somebody has opened in anger. You would not be afraid of it. And yet it will \
move a pebble the size of a hazelnut, then another, and by the evening there is a fan of clean gravel on \
the path where there was none before.

| what it carries | how fast it must run |
| --- | --- |
| silt | 0.02 m/s |
| sand | 0.2 m/s |
| a hazelnut | 0.9 m/s |
| your left shoe | 1.5 m/s |

## At night

Come back after dark and the runnel is a different animal. Plants stop drinking when the sun goes down, and so a small stream in summer runs a little higher at four in the morning than at four in the afternoon; put a stick in the bank and you can read the hour off it. The sound changes too. By day it is covered by birds and by the road on the other side of the valley, and by night it is the only thing that is still talking. People who live beside running water say that they stop hearing it after a week and notice only when it stops.

There are animals for whom these few hand-widths are the whole world. A caddis larva glues itself a sleeve of sand grains, each one chosen and turned until it fits. A dipper, which is a songbird with no interest in being told so, walks down into the current and along the bottom. An eel, if there is an eel, has come from the far side of an ocean to lie under this particular stone, and it intends to go back. 🐟

## What it leaves behind

Most of what a stream does is invisible, because it does it slowly and then removes the evidence. The \
valley is the evidence. Stand in one and look up: everything that is missing between the two ridges was \
taken away by something that you could have stopped with a spade, if you had come early enough and stayed \
for long enough. It went down grain by grain, by day and by night, with nobody watching. Some of it is a \
beach now. Some of it is the flat field in which the town was built, and from which the town's children, \
on the first warm day of the year, walk uphill with sticks and stones to build a dam across the runnel. \
🌱

The dam holds for a while. The water rises behind it, a little brown, looking for the lowest place in the \
wall. It is in no hurry. It has done this before.
"""

_TOKEN = re.compile(r"\s*\S{1,6}|\s+")


def tokens(text: str) -> list[str]:
    """Return ``text`` cut into pieces about as long as a model's tokens; joined, they are ``text``."""
    return _TOKEN.findall(text)
