# SPDX-License-Identifier: Apache-2.0
# The Python half of TokenPage.java. In the place of a model stands one that says the prompt again, backwards, a word
# at a time and as slowly as a model does. Nothing here knows that the tokens go to Java.
import asyncio

open_streams = 0


async def answer(prompt):
    global open_streams
    open_streams += 1
    try:
        for word in reversed(prompt.split()):
            await asyncio.sleep(0.02)
            yield word
    finally:
        open_streams -= 1
