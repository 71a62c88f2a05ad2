// SPDX-License-Identifier: Apache-2.0
// Frames: which objects a closing frame gives back, which not, and what a use after that says.
// Whether Python still has an object is seen through weakref.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.python4j.internal.jni.Native;

@ExtendWith(InPython.class)
class PythonGCTest {

    @BeforeEach
    void prepare() {
        PythonExecutioner.exec(String.join(
                "\n",
                "import gc, weakref",
                "class C: pass",
                "refs = []",
                "def make():",
                "    c = C()",
                "    refs.append(weakref.ref(c))",
                "    return c",
                "def alive():",
                "    return [ref() is not None for ref in refs]"));
    }

    /** An object that only Java holds. */
    private static PythonObject make() {
        return Python.eval("make()");
    }

    private static String alive() {
        return Expect.text("alive()");
    }

    @Test
    @Rule("7.1")
    void closingAFrameReleasesItsObjects() {
        try (PythonGC gc = PythonGC.watch()) {
            make();
            make();
            assertEquals("[True, True]", alive());
        }
        assertEquals("[False, False]", alive());
    }

    @Test
    @Rule("7.1")
    void everyWayToMakeAnObjectIsWatched() {
        PythonExecutioner.exec("l = [make(), make()]");
        List<PythonObject> made;
        try (PythonGC gc = PythonGC.watch()) {
            PythonObject l = PythonExecutioner.getVariable("l");
            made = List.of(
                    l,
                    l.get(0),
                    l.attr("append"),
                    l.attr("append").call("x"),
                    l.add(l),
                    PythonTypes.convert("text"),
                    PythonTypes.STR.toPython("y"),
                    new PythonObject((Object) 5),
                    new PythonVariable<>("v", PythonTypes.INT, 1).getPythonObject(),
                    Python.eval("l"),
                    Python.importModule("sys"),
                    Python.list(l),
                    Python.type(l),
                    Python.len(l),
                    Python.None());
            made.forEach(object -> assertDoesNotThrow(object::toString));
        }
        for (PythonObject object : made) {
            assertThrows(PythonException.class, object::toString);
        }
    }

    @Test
    @Rule("7.1")
    void typedReadsHoldNothing() {
        PythonExecutioner.exec("v = [1, 'a']\ns = 'text'\nimport sys\nbefore = sys.getrefcount(v)");
        int before = Native.handleCount();
        for (int i = 0; i < 10; i++) {
            PythonExecutioner.getVariable("v", PythonTypes.LIST);
            PythonExecutioner.getVariable("s", PythonTypes.STR);
        }
        // The Cleaner may have freed objects of other tests meanwhile.
        assertTrue(Native.handleCount() <= before);
        PythonExecutioner.exec("after = sys.getrefcount(v)");
        assertEquals(Expect.text("before"), Expect.text("after"));
    }

    @Test
    @Rule("7.2")
    void keepMovesAnObjectToTheEnclosingFrame() {
        PythonObject kept;
        try (PythonGC outer = PythonGC.watch()) {
            try (PythonGC inner = PythonGC.watch()) {
                kept = make();
                make();
                PythonGC.keep(kept);
            }
            assertEquals("[True, False]", alive());
            assertDoesNotThrow(kept::toString);
        }
        assertEquals("[False, False]", alive());
    }

    @Test
    @Rule("7.2")
    void keepMovesAnObjectOutOfAllFramesWhenThereIsNoOther() {
        PythonObject kept;
        try (PythonGC gc = PythonGC.watch()) {
            kept = make();
            PythonGC.keep(kept);
        }
        assertEquals("[True]", alive());
        kept.del();
        assertEquals("[False]", alive());
    }

    @Test
    @Rule("7.2")
    void keepingTwiceMovesTwoFramesUpOnlyWhereItIsCalledInTwoFrames() {
        PythonObject kept;
        try (PythonGC outer = PythonGC.watch()) {
            try (PythonGC middle = PythonGC.watch()) {
                try (PythonGC inner = PythonGC.watch()) {
                    kept = make();
                    PythonGC.keep(kept);
                }
                PythonGC.keep(kept);
            }
            assertEquals("[True]", alive());
        }
        assertEquals("[False]", alive());
    }

    @Test
    @Rule("7.2")
    void keepOutsideAnyFrameDoesNothing() {
        PythonObject object = make();
        assertDoesNotThrow(() -> PythonGC.keep(object));
        assertEquals("[True]", alive());
        object.del();
    }

    @Test
    @Rule("7.2")
    void registerPutsAnObjectIntoTheFrame() {
        PythonObject object = make();
        try (PythonGC gc = PythonGC.watch()) {
            PythonGC.register(object);
            PythonGC.register(object);
            assertEquals("[True]", alive());
        }
        assertEquals("[False]", alive());
    }

    @Test
    @Rule("7.3")
    void objectsMadeWhilePausedBelongToNoFrame() {
        PythonObject free;
        try (PythonGC outer = PythonGC.watch()) {
            try (PythonGC paused = PythonGC.pause()) {
                assertFalse(PythonGC.isWatching());
                free = make();
                try (PythonGC inner = PythonGC.watch()) {
                    assertFalse(PythonGC.isWatching());
                }
            }
            assertTrue(PythonGC.isWatching());
            make();
        }
        assertEquals("[True, False]", alive());
        free.del();
        assertEquals("[False, False]", alive());
    }

    @Test
    @Rule({"7.3", "12.26"})
    void pauseAndResumeWorkWithoutResourceSyntax() {
        try (PythonGC gc = PythonGC.watch()) {
            PythonGC.pause();
            PythonObject free = make();
            PythonGC.resume();
            assertTrue(PythonGC.isWatching());
            make();
            gc.close();
            assertEquals("[True, False]", alive());
            free.del();
        }
        notPaused();
        try (PythonGC gc = PythonGC.watch()) {
            notPaused();
        }
    }

    private static void notPaused() {
        RuntimeException refusal = assertThrows(RuntimeException.class, PythonGC::resume);
        assertEquals("GC not paused!", refusal.getMessage());
    }

    @Test
    @Rule("7.4")
    void framesNestAndASecondCloseIsHarmless() {
        assertFalse(PythonGC.isWatching());
        try (PythonGC outer = PythonGC.watch()) {
            assertTrue(PythonGC.isWatching());
            PythonGC inner = PythonGC.watch();
            make();
            inner.close();
            assertTrue(PythonGC.isWatching());
            make();
            inner.close();
            assertEquals("[False, True]", alive());
            assertTrue(PythonGC.isWatching());
        }
        assertFalse(PythonGC.isWatching());
    }

    @Test
    @Rule("7.4")
    void closingAnOuterFrameFirstClosesItsObjectsAndLeavesNoFrameOpen() {
        PythonGC outer = PythonGC.watch();
        PythonObject ofOuter = make();
        PythonGC inner = PythonGC.watch();
        PythonObject ofInner = make();
        outer.close();
        assertThrows(PythonException.class, () -> ofOuter.attr("x"));
        inner.close();
        assertThrows(PythonException.class, () -> ofInner.attr("x"));
        assertEquals("[False, False]", alive());
        assertFalse(PythonGC.isWatching());
    }

    @Test
    @Rule("7.5")
    void namesInPythonKeepTheirObjects() {
        PythonExecutioner.exec("named = make()");
        try (PythonGC gc = PythonGC.watch()) {
            PythonExecutioner.getVariable("named");
            PythonExecutioner.setVariable("second", make());
        }
        assertEquals("[True, True]", alive());
        PythonExecutioner.exec("del named, second");
        assertEquals("[False, False]", alive());
    }

    @Test
    @Rule("7.6")
    void framesBelongToTheirThread() throws Exception {
        CountDownLatch opened = new CountDownLatch(1);
        CountDownLatch seen = new CountDownLatch(1);
        OtherThread<Void> other = OtherThread.start(() -> {
            try (PythonGC gc = PythonGC.watch()) {
                opened.countDown();
                seen.await();
            }
            return null;
        });
        opened.await();
        assertFalse(PythonGC.isWatching());
        PythonObject mine = make();
        seen.countDown();
        other.join();
        assertDoesNotThrow(mine::toString);
        try (PythonGC gc = PythonGC.watch()) {
            assertFalse(OtherThread.call(PythonGC::isWatching));
            PythonGC.pause();
            assertTrue(OtherThread.call(() -> {
                try (PythonGC own = PythonGC.watch()) {
                    return PythonGC.isWatching();
                }
            }));
            PythonGC.resume();
        }
        mine.del();
    }

    @Test
    @Rule("7.7")
    void anObjectUsedAfterItsFrameClosedIsAnError() {
        PythonObject gone;
        try (PythonGC gc = PythonGC.watch()) {
            gone = Python.eval("[1, 2, 3]");
        }
        PythonExecutioner.exec("filler = [[i] for i in range(1000)]"); // would reuse the memory
        for (Executable use : Arrays.<Executable>asList(
                gone::toString, gone::toList, gone::toLong, gone::call, () -> gone.attr("append"), () -> gone.get(0),
                () -> gone.add(gone), () -> Python.len(gone), () -> Python.type(gone), gone::getNativePythonObject,
                () -> PythonExecutioner.setVariable("x", gone), () -> Python.attr("len").call(gone))) {
            String message = assertThrows(PythonException.class, use).getMessage();
            assertTrue(message.contains("PythonGC"), message);
        }
        assertDoesNotThrow(gone::del);
        assertEquals("1", Expect.text("1"));
    }

    @Test
    @Rule("7.8")
    void nullIsANullPointerException() {
        assertThrows(NullPointerException.class, () -> PythonGC.keep(null));
        assertThrows(NullPointerException.class, () -> PythonGC.register(null));
        try (PythonGC gc = PythonGC.watch()) {
            assertThrows(NullPointerException.class, () -> PythonGC.keep(null));
            assertThrows(NullPointerException.class, () -> PythonGC.register(null));
        }
    }

    @Test
    void delGivesTheReferenceBackAtOnce() {
        try (PythonGC gc = PythonGC.watch()) {
            PythonObject object = make();
            object.del();
            assertEquals("[False]", alive());
            object.del();
            assertTrue(object.isNone());
        }
    }

    @Test
    void anObjectOutsideAnyFrameIsFreedWhenJavaForgotIt() throws Exception {
        for (int i = 0; i < 100; i++) {
            make();
        }
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (Expect.truth("any(alive())") && System.nanoTime() < deadline) {
            System.gc();
            Thread.sleep(5);
        }
        assertEquals("False", Expect.text("any(alive())"));
    }

    @Test
    void veryManyObjectsOutsideAnyFrameMakeTheCollectorRun() throws Exception {
        // A young generation so large that without being asked the collector would not run at all.
        assertEquals("true", ChildJvm.output("manyObjectsOutsideAnyFrame", "-Xmx3g", "-Xmn2g"));
    }
}
