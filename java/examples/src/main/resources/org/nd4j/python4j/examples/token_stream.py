# SPDX-License-Identifier: Apache-2.0
# The Python half of TokenStream.java: a byte-pair tokenizer in plain Python, and a generator that reads
# lines only when somebody wants the next token. Nothing here knows that the lines come from Java.
import itertools
import re
from collections import Counter, namedtuple

Token = namedtuple("Token", "text id line")
WORD = re.compile(r"\w+|[^\w\s]")


class Tokenizer:
    def learn(self, lines, merges):
        """Joins the most frequent pair of neighbours, so many times."""
        words = Counter(word.lower() for line in lines for word in WORD.findall(line))
        pieces = {word: list(word) for word in words}
        self.ranks = {}
        while len(self.ranks) < merges:
            pairs = Counter()
            for word, times in words.items():
                for pair in zip(pieces[word], pieces[word][1:]):
                    pairs[pair] += times
            if not pairs:
                break
            best = max(pairs, key=lambda pair: (pairs[pair], pair))
            self.ranks[best] = len(self.ranks)
            for word in words:
                pieces[word] = self.joined(pieces[word], best)
        vocabulary = sorted({letter for word in words for letter in word}) + ["".join(pair) for pair in self.ranks]
        self.ids = {text: id for id, text in enumerate(vocabulary)}
        return len(self.ids)

    @staticmethod
    def joined(pieces, pair):
        result = []
        for piece in pieces:
            if result and (result[-1], piece) == pair:
                result[-1] += piece
            else:
                result.append(piece)
        return result

    def tokens(self, lines):
        for number, line in enumerate(lines, 1):
            for word in WORD.findall(line):
                pieces = list(word.lower())
                while len(pieces) > 1:
                    pair = min(zip(pieces, pieces[1:]), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
                    if pair not in self.ranks:
                        break
                    pieces = self.joined(pieces, pair)
                for piece in pieces:
                    yield Token(piece, self.ids.get(piece, -1), number)

    def batches(self, lines, size):
        """The same, several at a time: fewer ways to Java and back."""
        return itertools.batched(self.tokens(lines), size)
