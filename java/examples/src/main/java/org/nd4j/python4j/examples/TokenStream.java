// SPDX-License-Identifier: Apache-2.0
// A text pipeline: Java has the lines, a Python generator makes tokens of them, Java has the tokens as a
// Stream. Both ends are lazy, so that the text may be endless. The Python half is token_stream.py. With `serve` it is
// a page in a browser: TokenPage.
package org.nd4j.python4j.examples;

import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;

/** Learns a vocabulary from a page of Alice in Wonderland and cuts endless text with it. */
public final class TokenStream {
    private static final int TOKENS = 50_000;

    private TokenStream() {}

    /** What the generator yields, a named tuple in Python. */
    record Token(String text, int id, int line) {}

    /** The Python class of the same name; its methods called from Java. */
    interface Tokenizer {
        int learn(List<String> lines, int merges);

        Stream<Token> tokens(PythonObject lines);

        Stream<List<Token>> batches(PythonObject lines, int size);
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0 && args[0].equals("serve")) {
            TokenPage page = new TokenPage(args.length > 1 ? Integer.parseInt(args[1]) : 8080);
            System.out.printf("http://127.0.0.1:%d/%n", page.port());
            Thread.currentThread().join(); // until somebody ends the program
        }
        List<String> page = Resource.text("alice.txt").lines().collect(Collectors.toList());
        Tokenizer tokenizer;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(Resource.text("token_stream.py"));
            tokenizer = Python.eval("Tokenizer()").asInterface(Tokenizer.class);
        }
        System.out.printf("%d lines, a vocabulary of %d%n", page.size(), tokenizer.learn(page, 300));

        // The page again and again, without end; counted as Python asks for it.
        AtomicInteger asked = new AtomicInteger();
        Iterator<String> endless = IntStream.iterate(0, i -> i + 1)
                .mapToObj(i -> page.get(i % page.size())).peek(line -> asked.incrementAndGet()).iterator();

        System.out.println(tokenizer.tokens(reference(endless)).limit(14).map(Token::text).collect(Collectors.joining(" ")));
        System.out.printf("lines that were read for that: %d%n", asked.get());

        measure("one at a time", tokenizer.tokens(reference(endless)));
        measure("256 at a time", tokenizer.batches(reference(endless), 256).flatMap(List::stream));
    }

    private static void measure(String name, Stream<Token> tokens) {
        long start = System.nanoTime();
        List<Token> some = tokens.limit(TOKENS).collect(Collectors.toList());
        double seconds = (System.nanoTime() - start) / 1e9;
        String frequent = some.stream().filter(token -> token.text().length() > 2)
                .collect(Collectors.groupingBy(Token::text, Collectors.counting())).entrySet().stream()
                .sorted((a, b) -> Long.compare(b.getValue(), a.getValue())).limit(4)
                .map(entry -> entry.getKey() + " " + entry.getValue()).collect(Collectors.joining(", "));
        System.out.printf(Locale.ROOT, "%s: %d tokens of %d lines; %s; %.0f tokens/s%n",
                name, some.size(), some.get(TOKENS - 1).line(), frequent, TOKENS / seconds);
    }

    private static PythonObject reference(Iterator<String> lines) {
        try (PythonGIL gil = PythonGIL.lock()) {
            return Python.reference(lines);
        }
    }
}
