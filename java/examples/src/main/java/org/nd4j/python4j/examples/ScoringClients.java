// SPDX-License-Identifier: Apache-2.0
// Tries ScoringService: scripts that are good and scripts that are broken in every way we could think
// of, first one after the other, then all at once.
package org.nd4j.python4j.examples;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Starts the service, uploads scripts, asks it from eight threads, and prints what came back. */
public final class ScoringClients {
    private static final int CLIENTS = 8;
    private static final int ROUNDS = 60;
    private static final String FEATURES = "{\"income\": 52000, \"debt\": 13000, \"late\": [0, 1, 0]}";

    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private ScoringClients() {}

    private static Map<String, String> scripts() {
        Map<String, String> scripts = new LinkedHashMap<>();
        scripts.put("credit", "import math\n"
                + "x = 1.5 - 4 * features['debt'] / features['income'] - 0.8 * sum(features['late'])\n"
                + "score = 1 / (1 + math.exp(-x))");
        scripts.put("typo", "score = features['income'] *");
        scripts.put("raises", "score = features['age'] / 0");
        scripts.put("forgets", "points = 3");
        scripts.put("text", "score = 'high'");
        scripts.put("exits", "import sys; sys.exit(3)");
        scripts.put("deep", "def f(n): return f(n + 1)\nscore = f(0)");
        scripts.put("huge", "score = len(bytearray(1 << 50))");
        scripts.put("grows", "rows = []\nwhile True: rows.append(bytes(1 << 25))");
        scripts.put("loops", "while True: pass");
        scripts.put("sleeps", "import time; time.sleep(3600)");
        scripts.put("clings", "while True:\n    try:\n        while True: pass\n    except Exception: pass");
        scripts.put("grips", "while True:\n    try:\n        while True: pass\n    except BaseException: pass");
        scripts.put("blocks", "import ctypes; ctypes.PyDLL(None).pause()");
        scripts.put("ends", "import os; os._exit(3)");
        scripts.put("crashes", "import ctypes; ctypes.string_at(0)");
        scripts.put("closes", "import os; os.closerange(0, 100)");
        scripts.put("prints", "import os; os.write(3, bytes(100)); os.write(1, bytes(100)); score = 0");
        scripts.put("alters", "import json, builtins; json.loads = builtins.len = None; score = 0");
        scripts.put("leaves", "income = -1; print = None; score = 0");
        return scripts;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> scripts = scripts();
        try (ScoringService service = new ScoringService(0)) {
            String address = service.address();
            System.out.printf("%-8s%6s%7s  %s%n", "script", "put", "score", "answer");
            for (Map.Entry<String, String> script : scripts.entrySet()) {
                HttpResponse<String> put = send("PUT", address + "/scripts/" + script.getKey(), script.getValue());
                if (put.statusCode() == 201) {
                    HttpResponse<String> score = send("POST", address + "/score/" + script.getKey(), FEATURES);
                    System.out.printf("%-8s%6d%7d  %s%n", script.getKey(), put.statusCode(), score.statusCode(), score.body());
                } else {
                    System.out.printf("%-8s%6d%7s  %s%n", script.getKey(), put.statusCode(), "", put.body());
                }
            }
            HttpResponse<String> noJson = send("POST", address + "/score/credit", "{");
            System.out.printf("%-8s%6s%7d  %s%n", "credit", "", noJson.statusCode(), noJson.body());
            together(address);
            System.out.println(send("GET", address + "/health", "").body());
        }
    }

    /** Every client asks for good scores, and now and then for one of the others. */
    private static void together(String address) throws Exception {
        String[] others = {"raises", "crashes", "huge", "ends", "loops", "leaves"};
        Map<String, Integer> answers = new TreeMap<>();
        List<Long> nanos = new ArrayList<>();
        ExecutorService pool = Executors.newFixedThreadPool(CLIENTS);
        List<Future<?>> clients = new ArrayList<>();
        for (int client = 0; client < CLIENTS; client++) {
            int bad = client % others.length;
            clients.add(pool.submit(() -> {
                for (int round = 0; round < ROUNDS; round++) {
                    String name = round % 10 == 9 && (bad != 4 || round == 59) ? others[bad] : "credit";
                    long asked = System.nanoTime();
                    int status = send("POST", address + "/score/" + name, FEATURES).statusCode();
                    long took = System.nanoTime() - asked;
                    synchronized (answers) {
                        answers.merge(String.format("%-8s%4d", name, status), 1, Integer::sum);
                        if (name.equals("credit")) {
                            nanos.add(took);
                        }
                    }
                }
                return null;
            }));
        }
        for (Future<?> client : clients) {
            client.get();
        }
        pool.shutdown();
        System.out.printf("%n%d clients at once%n", CLIENTS);
        answers.forEach((answer, times) -> System.out.printf("%-14s%4d times%n", answer, times));
        long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
        System.out.printf(Locale.ROOT, "credit: p50 %.1f ms, p90 %.1f ms, p99 %.1f ms%n", sorted[sorted.length / 2] / 1e6,
                sorted[sorted.length * 9 / 10] / 1e6, sorted[sorted.length * 99 / 100] / 1e6);
    }

    private static HttpResponse<String> send(String method, String url, String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(30))
                .method(method, HttpRequest.BodyPublishers.ofString(body)).build();
        return CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    }
}
