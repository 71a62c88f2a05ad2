// SPDX-License-Identifier: Apache-2.0
// Turns by themselves, without Python: exclusive, re-entrant, fair enough, interruptible, visible,
// and given up by a thread that ends. What they do to Python is tested in ThreadsTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.internal.turn.Turn;

@Timeout(60)
class TurnTest {

    private final Turn turn = new Turn();

    @Test
    void itIsReentrant() {
        assertFalse(turn.isTaken());
        turn.take();
        assertTrue(turn.isMine() && turn.isTaken() && turn.isOutermost());
        turn.take();
        assertTrue(turn.takeIfFree());
        assertFalse(turn.isOutermost());
        turn.giveBack();
        turn.giveBack();
        assertTrue(turn.isMine() && turn.isOutermost());
        turn.giveBack();
        assertFalse(turn.isMine() || turn.isTaken());
    }

    @Test
    void onlyItsOwnerHasIt() throws Exception {
        turn.take();
        inThread(() -> {
            assertFalse(turn.isMine());
            assertTrue(turn.isTaken());
            assertFalse(turn.takeIfFree());
            assertFalse(turn.take(0));
        });
        turn.giveBack();
        inThread(() -> {
            assertTrue(turn.takeIfFree());
            turn.giveBack();
        });
    }

    @Test
    void nobodyIsInsideTogetherAndNothingIsLost() throws Exception {
        int threads = 8;
        int rounds = 20_000;
        long[] count = new long[1]; // unguarded but for the turn
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            all.add(start(() -> {
                for (int k = 0; k < rounds; k++) {
                    turn.take();
                    count[0]++;
                    turn.giveBack();
                }
            }));
        }
        for (Thread thread : all) {
            thread.join();
        }
        assertEquals((long) threads * rounds, count[0]);
        assertEquals(0, turn.waiting());
    }

    @Test
    void nobodyStarvesBesideThreadsThatTakeItAgainAtOnce() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        long[] turns = new long[4];
        AtomicLong longest = new AtomicLong();
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < turns.length; i++) {
            int mine = i;
            all.add(start(() -> {
                while (!stop.get()) {
                    long start = System.nanoTime();
                    turn.take();
                    longest.accumulateAndGet(System.nanoTime() - start, Math::max);
                    turns[mine]++;
                    turn.giveBack();
                }
            }));
        }
        Thread.sleep(1000);
        stop.set(true);
        for (Thread thread : all) {
            thread.join();
        }
        long most = Arrays.stream(turns).max().getAsLong();
        long least = Arrays.stream(turns).min().getAsLong();
        assertTrue(least > most / 20, Arrays.toString(turns));
        assertTrue(longest.get() < TimeUnit.MILLISECONDS.toNanos(300), longest.get() / 1e6 + " ms");
    }

    /** Whether it sleeps, was passed, has slept enough or is about to wake: it must not find out by the looks alone. */
    @Test
    void whoWaitsIsServedWhenTheOthersStayAway() throws Exception {
        List<Long> late = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            turn.take();
            AtomicLong served = new AtomicLong();
            Thread waiter = waiter(served);
            int turns = i % 60; // of 10 us, so that the last one ends before and after the waiter's patience
            for (int k = 0; k < turns && (turn.isMine() || turn.takeAtOnce()); k++) {
                spinUntil(System.nanoTime() + 10_000);
                turn.giveBack();
            }
            if (turn.isMine()) {
                turn.giveBack();
            }
            long left = System.nanoTime();
            waiter.join();
            long wait = TimeUnit.NANOSECONDS.toMillis(served.get() - left);
            if (wait >= 50) { // half of the time between two looks
                late.add(wait);
            }
        }
        assertTrue(late.size() <= 10, "only after milliseconds: " + late); // a busy machine has its own delays
    }

    /** Its first timed sleep is over while the other one's turn lasts, or just before or after. */
    @Test
    void whoWasPassedIsServedWhenTheOthersStayAway() throws Exception {
        List<Long> late = new ArrayList<>();
        int passed = 0;
        for (int i = 0; i < 1000; i++) {
            turn.take();
            AtomicLong served = new AtomicLong();
            Thread waiter = waiter(served);
            long since = System.nanoTime();
            spinUntil(since + 180_000 + i % 20 * 5_000);
            turn.giveBack();
            if (turn.takeAtOnce()) {
                passed++;
                spinUntil(since + 330_000 + i % 7 * 20_000);
                turn.giveBack();
            }
            long left = System.nanoTime();
            waiter.join();
            long wait = TimeUnit.NANOSECONDS.toMillis(served.get() - left);
            if (wait >= 50) {
                late.add(wait);
            }
        }
        assertTrue(passed > 0);
        assertTrue(late.size() <= 10, "only after milliseconds: " + late);
    }

    @Test
    void whoWaitsIsPassedForHalfAMillisecondAtMost() throws Exception {
        List<Long> late = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            turn.take();
            Thread waiter = waiter(new AtomicLong());
            long since = System.nanoTime();
            turn.giveBack();
            while (turn.takeAtOnce()) {
                long now = System.nanoTime() - since;
                if (turn.waiting() == 0) {
                    break; // it has had its turn
                }
                if (now > 1_000_000) {
                    late.add(now / 1000);
                    break;
                }
                turn.giveBack();
            }
            if (turn.isMine()) {
                turn.giveBack();
            }
            waiter.join();
        }
        assertTrue(late.size() <= 10, "passed after so many us: " + late);
    }

    /** A thread that waits already, for one turn; with the time at which it has got that. */
    private Thread waiter(AtomicLong served) {
        Thread waiter = start(() -> {
            turn.take();
            served.set(System.nanoTime());
            turn.giveBack();
        });
        while (turn.waiting() == 0) {
            Thread.onSpinWait(); // no sleep: its patience runs
        }
        return waiter;
    }

    private static void spinUntil(long end) {
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    /** Wherever the stack ends, so at each of many depths: nobody would ever get past one who is left in the queue. */
    @Test
    void whoHasNoStackLeftLeavesTheQueue() throws Exception {
        AtomicInteger overflows = new AtomicInteger();
        for (int i = 0; i < 800; i++) {
            int spare = i % 50;
            turn.take();
            Thread waiter = new Thread(null, () -> {
                try {
                    depth = 0;
                    measure();
                } catch (StackOverflowError e) {
                    // depth says how many fit
                }
                try {
                    takeBelow(depth - spare);
                } catch (StackOverflowError e) {
                    overflows.incrementAndGet();
                }
            }, "small stack", 256 << 10);
            waiter.start();
            waiter.join(2);
            turn.giveBack();
            waiter.join();
            assertEquals(0, turn.waiting(), "waiting after it had " + spare + " frames");
            assertTrue(turn.take(TimeUnit.SECONDS.toNanos(10))); // it may have ended within its own turn
            turn.giveBack();
        }
        assertTrue(overflows.get() > 0);
    }

    private int depth;

    private void measure() {
        depth++;
        measure();
    }

    private void takeBelow(int frames) {
        if (frames > 0) {
            takeBelow(frames - 1);
        } else {
            turn.take();
            turn.giveBack();
        }
    }

    @Test
    void whoWaitsForLongGoesInTheOrderOfComing() throws Exception {
        turn.take();
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            int mine = i;
            all.add(start(() -> {
                turn.take();
                order.add(mine);
                turn.giveBack();
            }));
            awaitWaiting(i + 1);
        }
        Thread.sleep(250); // past the patience and two looks at the owner
        turn.giveBack();
        for (Thread thread : all) {
            thread.join();
        }
        assertEquals(List.of(0, 1, 2, 3, 4, 5), order);
    }

    @Test
    void waitingHasAnEndIfItIsGivenOne() throws Exception {
        turn.take();
        inThread(() -> {
            long start = System.nanoTime();
            assertFalse(turn.take(TimeUnit.MILLISECONDS.toNanos(150)));
            long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(took >= 150 && took < 2000, took + " ms");
        });
        assertEquals(0, turn.waiting());
        turn.giveBack();
        assertTrue(turn.take(0));
        turn.giveBack();
    }

    @Test
    void anInterruptEndsWaitingThatAllowsIt() throws Exception {
        turn.take();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = start(() -> thrown.set(
                assertThrows(InterruptedException.class, () -> turn.take(Long.MAX_VALUE))));
        awaitWaiting(1);
        thread.interrupt();
        thread.join();
        assertTrue(thrown.get() instanceof InterruptedException);
        assertEquals(0, turn.waiting());
        turn.giveBack();
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> turn.take(1));
        assertFalse(Thread.currentThread().isInterrupted() || turn.isTaken());
    }

    @Test
    void anInterruptStaysPendingWhereWaitingDoesNotEnd() throws Exception {
        turn.take();
        AtomicBoolean interrupted = new AtomicBoolean();
        Thread thread = start(() -> {
            turn.take();
            interrupted.set(Thread.currentThread().isInterrupted());
            turn.giveBack();
        });
        awaitWaiting(1);
        thread.interrupt();
        Thread.sleep(50);
        assertTrue(thread.isAlive());
        turn.giveBack();
        thread.join();
        assertTrue(interrupted.get());
    }

    @Test
    void oneWhoLeavesTheQueueLeavesTheOthersTheirPlaces() throws Exception {
        turn.take();
        Thread first = start(() -> assertThrows(InterruptedException.class, () -> turn.take(Long.MAX_VALUE)));
        awaitWaiting(1);
        Thread second = start(() -> {
            turn.take();
            turn.giveBack();
        });
        awaitWaiting(2);
        first.interrupt();
        first.join();
        turn.giveBack();
        second.join(10_000);
        assertFalse(second.isAlive());
    }

    @Test
    void theTurnOfAThreadThatEndedIsTaken() throws Exception {
        Thread owner = start(turn::take);
        owner.join();
        assertFalse(turn.isTaken());
        assertTrue(turn.takeIfFree());
        assertTrue(turn.isMine() && turn.isOutermost());
        turn.giveBack();

        CountDownLatch taken = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        start(() -> {
            turn.take();
            taken.countDown();
            end.await();
        });
        taken.await();
        List<Thread> waiters = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            waiters.add(start(() -> {
                turn.take();
                turn.giveBack();
            }));
        }
        awaitWaiting(3);
        end.countDown();
        for (Thread waiter : waiters) {
            waiter.join(5_000);
            assertFalse(waiter.isAlive());
        }
    }

    @Test
    void aDeadlockWithItIsFoundByTheJvm() throws Exception {
        Object monitor = new Object();
        CountDownLatch both = new CountDownLatch(2);
        Thread one = start(() -> {
            synchronized (monitor) {
                both.countDown();
                both.await();
                assertThrows(InterruptedException.class, () -> turn.take(Long.MAX_VALUE));
            }
        });
        Thread two = start(() -> {
            turn.take();
            both.countDown();
            both.await();
            synchronized (monitor) {
                turn.giveBack();
            }
        });
        long[] found = null;
        for (int i = 0; i < 100 && found == null; i++) {
            Thread.sleep(50);
            found = ManagementFactory.getThreadMXBean().findDeadlockedThreads();
        }
        long[] expected = {one.getId(), two.getId()};
        Arrays.sort(expected);
        Arrays.sort(found);
        assertArrayEquals(expected, found);
        ThreadInfo info = ManagementFactory.getThreadMXBean().getThreadInfo(one.getId());
        assertEquals(two.getId(), info.getLockOwnerId());
        one.interrupt();
        one.join();
        two.join();
    }

    // ---- helpers ----

    private interface Task {
        void run() throws Exception;
    }

    private static Thread start(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
        thread.start();
        return thread;
    }

    private static void inThread(Task task) throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Throwable e) {
                failure.set(e);
            }
        });
        thread.start();
        thread.join();
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }

    private void awaitWaiting(int count) throws InterruptedException {
        while (turn.waiting() < count) {
            Thread.sleep(1);
        }
    }
}
