// SPDX-License-Identifier: Apache-2.0
// One piece of work for a worker: it writes the request and reads the reply. Workers chooses the worker;
// Worker sends the request and receives the reply.
package org.nd4j.python4j.pool;

import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;

/** One call. Its parts are read and written by whoever has the worker. */
abstract class Call<R> {

    private static final int EXEC = 0; // of exec.rs

    final int kind;
    final Duration limit; // null for none
    volatile boolean cancelled;
    Consumer<Throwable> failed; // answers a caller who does not run the call; null if the calling thread does

    private Call(int kind, Duration limit) {
        this.kind = kind;
        this.limit = limit;
    }

    /** Whether it is a call of the program's. */
    boolean counts() {
        return kind == Channel.EXEC || kind == Channel.CALL;
    }

    abstract void write(Pack pack);

    /** The values of a reply, finished later where {@link #result} is asked for. */
    abstract Object read(PackReader reply);

    /** What the caller gets; called by the thread that waits for it. */
    abstract R result(Object read);

    /** Code with variables. */
    @SuppressWarnings({"rawtypes", "unchecked"}) // as those of PythonExecutioner
    static Call<List<PythonVariable>> exec(
            String context, String code, List<PythonVariable> inputs, List<PythonVariable> outputs, Duration limit) {
        Objects.requireNonNull(code);
        List<PythonVariable> in = inputs == null ? Collections.emptyList() : inputs;
        List<PythonVariable> out = outputs == null ? Collections.emptyList() : outputs;
        return new Call<>(Channel.EXEC, limit) {
            @Override
            void write(Pack pack) {
                pack.text(context).u8(EXEC).text(code).u32(in.size());
                for (PythonVariable input : in) {
                    pack.text(input.getName()).value(toSend(input.getType(), input.getValue()));
                }
                pack.u32(out.size());
                for (PythonVariable output : out) {
                    pack.text(output.getName()).u8(asked(output.getType()));
                }
            }

            @Override
            Object read(PackReader reply) {
                Object[] values = new Object[out.size()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = reply.value();
                }
                return values;
            }

            @Override
            List<PythonVariable> result(Object read) {
                Object[] values = (Object[]) read;
                for (int i = 0; i < values.length; i++) {
                    out.get(i).setValue(came(out.get(i).getType(), values[i]));
                }
                return out;
            }
        };
    }

    /** A function with arguments. @param type that of its result, null for what fits it */
    @SuppressWarnings("unchecked") // a type's converter gives its own Java type
    static <T> Call<T> call(String context, String function, PythonType<T> type, Object[] arguments, Duration limit) {
        Objects.requireNonNull(function);
        Object[] values = arguments == null ? new Object[1] : arguments; // a null alone is None
        int wanted = type == null ? Pack.Wanted.ANY : asked(type);
        return new Call<>(Channel.CALL, limit) {
            @Override
            void write(Pack pack) {
                pack.text(context).text(function).u8(wanted).u32(values.length);
                for (Object argument : values) {
                    pack.value(argument);
                }
            }

            @Override
            Object read(PackReader reply) {
                return reply.value();
            }

            @Override
            T result(Object read) {
                return (T) (type == null ? read : came(type, read));
            }
        };
    }

    /** A message of the pool's own, whose answer is nothing. */
    static Call<Void> plain(int kind, Duration limit, Consumer<Pack> write) {
        return new Call<>(kind, limit) {
            @Override
            void write(Pack pack) {
                write.accept(pack);
            }

            @Override
            Object read(PackReader reply) {
                return null;
            }

            @Override
            Void result(Object read) {
                return null;
            }
        };
    }

    /** A program without variables, as a request of `exec.rs`. */
    static void program(Pack pack, String code) {
        pack.u8(EXEC).text(code).u32(0).u32(0);
    }

    private static Object toSend(PythonType<?> type, Object value) {
        if (value == null) {
            return null;
        }
        return wanted(type) == Pack.Wanted.OBJECT ? Access.get().toPeer(type, value) : Access.get().packed(type, value);
    }

    private static int asked(PythonType<?> type) {
        return type.hasTables() ? Pack.Wanted.TABLE : wanted(type);
    }

    private static int wanted(PythonType<?> type) {
        return Access.get().wanted(type);
    }

    /** A value that came, as one of a type. */
    private static Object came(PythonType<?> type, Object value) {
        if (value == null || wanted(type) != Pack.Wanted.OBJECT) {
            return value;
        }
        if (!(value instanceof PythonBuffer)) {
            throw new PythonException("The value is no array, of which " + type + " could be made: " + value.getClass().getName());
        }
        return type.ofBuffer((PythonBuffer) value);
    }
}
