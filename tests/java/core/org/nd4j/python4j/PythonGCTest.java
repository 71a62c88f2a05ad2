// SPDX-License-Identifier: Apache-2.0
// Frames: which objects a closing frame gives back, which not, and what a use after that says.
// Whether Python still has an object is seen through weakref.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.python4j.internal.jni.Handles;
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
        PythonExecutioner.getVariable("v", PythonTypes.LIST);
        PythonExecutioner.getVariable("s", PythonTypes.STR);
        int before = Handles.count(); // with the names
        for (int i = 0; i < 10; i++) {
            PythonExecutioner.getVariable("v", PythonTypes.LIST);
            PythonExecutioner.getVariable("s", PythonTypes.STR);
        }
        // The Cleaner may have freed objects of other tests meanwhile.
        assertTrue(Handles.count() <= before);
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
    void globalsAreUsableAfterTheFrame() {
        PythonObject globals;
        try (PythonGC gc = PythonGC.watch()) {
            globals = Python.globals();
        }
        assertTrue(globals.get("refs").toString().startsWith("["));
    }

    @Test
    void registerLeavesAnObjectThatIsFurtherOut() {
        try (PythonGC outer = PythonGC.watch()) {
            PythonObject object = make();
            try (PythonGC inner = PythonGC.watch()) {
                PythonGC.register(object);
            }
            assertEquals("[True]", alive());
            assertDoesNotThrow(object::toString);
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

    /** An object that holds others, and that only Java holds. */
    private static PythonObject holder() {
        PythonExecutioner.exec(String.join(
                "\n",
                "class Holder(dict):",
                "    def __init__(self):",
                "        super().__init__(key=[make()], number=1)",
                "        self.attribute = make()",
                "    @property",
                "    def computed(self): return make()"));
        return Python.eval("Holder()");
    }

    @Test
    void whatIsReadFromAKeptObjectStaysWithIt() {
        for (boolean first : new boolean[] {true, false}) {
            PythonObject holder;
            List<PythonObject> parts;
            List<PythonObject> others;
            try (PythonGC gc = PythonGC.watch()) {
                holder = holder();
                if (first) {
                    PythonGC.keep(holder);
                }
                PythonObject value = holder.get("key");
                List<PythonObject> keys = new ArrayList<>();
                holder.forEach(keys::add);
                PythonObject values = holder.attr("values");
                parts = List.of(value, value.get(0), keys.get(0), keys.get(1), holder.get(keys.get(0)),
                        holder.attr("attribute"), holder.attr("computed"), values);
                others = List.of(make(), values.call(), Python.len(holder), value.add(value));
                if (!first) {
                    PythonGC.keep(holder);
                }
            }
            parts.forEach(part -> assertDoesNotThrow(part::toString));
            others.forEach(other -> assertThrows(PythonException.class, other::toString));
            assertEquals("[True, True, True, False]", alive());
            parts.forEach(PythonObject::close);
            holder.close();
            assertEquals("[False, False, False, False]", alive());
            PythonExecutioner.exec("refs.clear()");
        }
    }

    @Test
    void partsOfAKeptObjectGoWithTheFrameThatItIsKeptIn() {
        PythonObject holder;
        PythonObject before;
        PythonObject after;
        PythonObject later;
        try (PythonGC outer = PythonGC.watch()) {
            try (PythonGC middle = PythonGC.watch()) {
                try (PythonGC inner = PythonGC.watch()) {
                    holder = holder();
                    before = holder.attr("attribute");
                    PythonGC.keep(holder);
                    after = holder.get("key");
                }
                try (PythonGC inner = PythonGC.watch()) {
                    later = holder.get("number");
                }
                PythonGC.keep(holder); // once more, with all that was read meanwhile
            }
            assertEquals("[True, True]", alive());
            for (PythonObject part : List.of(before, after, later)) {
                assertDoesNotThrow(part::toString);
            }
        }
        assertEquals("[False, False]", alive());
        for (PythonObject part : List.of(holder, before, after, later)) {
            assertThrows(PythonException.class, part::toString);
        }
    }

    @Test
    void whatAnObjectThatNobodyKeptHoldsGoesWithItsFrame() {
        PythonObject holder = holder();
        PythonObject computed;
        PythonObject element;
        int frames = Native.handleFrameCount();
        try (PythonGC gc = PythonGC.watch()) {
            computed = holder.attr("computed");
            element = holder.get("key").get(0);
        }
        assertEquals("[True, True, False]", alive());
        assertThrows(PythonException.class, element::toString);
        assertThrows(PythonException.class, computed::toString);
        PythonGC.keep(holder); // outside of any frame it says the same
        try (PythonGC gc = PythonGC.watch()) {
            element = holder.get("key").get(0);
        }
        assertDoesNotThrow(element::toString);
        assertEquals(frames, Native.handleFrameCount());
    }

    @Test
    void manyPartsAreFoundAndDeletedOnesForgotten() {
        PythonObject list;
        List<PythonObject> kept = new ArrayList<>();
        try (PythonGC gc = PythonGC.watch()) {
            list = Python.eval("[make() for _ in range(1000)]");
            for (int i = 0; i < 1000; i++) {
                PythonObject part = list.get(i);
                if (i % 3 == 0) {
                    kept.add(part);
                } else {
                    part.del();
                }
                if (i % 100 == 99) {
                    PythonGC.keep(list.get(0));
                }
            }
            PythonGC.keep(list);
        }
        kept.forEach(part -> assertDoesNotThrow(part::toString));
        assertEquals(334, kept.size());
    }

    @Test
    void duringAPausePartsOfAKeptObjectAreInNoFrame() {
        try (PythonGC gc = PythonGC.watch()) {
            PythonObject holder = holder();
            try (PythonGC inner = PythonGC.watch()) {
                PythonGC.keep(holder);
            }
            try (PythonGC pause = PythonGC.pause()) {
                PythonObject paused = holder.get("key");
                assertTrue(PythonGC.isNone(paused.frame()));
            }
            assertEquals(holder.frame(), holder.get("key").frame());
        }
    }
}
