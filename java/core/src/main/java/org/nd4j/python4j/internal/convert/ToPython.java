// SPDX-License-Identifier: Apache-2.0
// Decides what a Java value is in Python: that of a registered type, an object that Python has already, a counterpart of a
// value of Java's library, a function or a record. Pack writes the forms that cross. The other way is Conversion.
package org.nd4j.python4j.internal.convert;

import java.io.File;
import java.net.URI;
import java.net.URL;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.AbstractMap;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.function.Function;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Pack;

/** Conversions to a form that {@link Pack} can write. */
public final class ToPython {

    private static final int MICRO = 1000;

    /** What {@link #counterpart} knows by its class. */
    private static final List<Class<?>> KNOWN = Arrays.asList(Enum.class, CharSequence.class, URI.class, URL.class,
            Path.class, File.class, UUID.class, Optional.class, OptionalInt.class, OptionalLong.class, OptionalDouble.class,
            Instant.class, Date.class, LocalDateTime.class, OffsetDateTime.class, ZonedDateTime.class, LocalDate.class,
            LocalTime.class, Duration.class);

    private static final String YEARS = "Python's dates and times have the years 1 to 9999, and so no ";

    private ToPython() {
    }

    /** The registered type that accepts a value; null if there is none. It has priority over our own conversion. */
    static PythonType<?> registered(Object value) {
        for (PythonType<?> type : Access.get().registered()) {
            if (type.accepts(value)) {
                return type;
            }
        }
        return null;
    }

    private static <T> PythonObject toPython(PythonType<T> type, Object value) {
        return type.toPython(type.adapt(value));
    }

    /**
     * Converts a value to a form that {@link Pack} can write. This is the result of a registered type, the Python
     * object behind the value, or its counterpart. If there is none of these, it is the value itself.
     *
     * @param wide whether to use counterparts that M2.1 did not know
     */
    public static Object toPython(Object value, boolean wide) {
        PythonType<?> registered = registered(value);
        if (registered != null) {
            return toPython(registered, value);
        }
        PythonObject python = ProxyHandler.object(value);
        return python != null ? python : wide ? counterpart(value) : value;
    }

    /**
     * Converts a value to a form that {@link Pack} can write for another process: the memory of a value of a registered
     * type, a Java function, or the value itself.
     */
    public static Object toPeer(Object value) {
        PythonType<?> registered = registered(value);
        if (registered != null) {
            return toPeer(registered, value);
        }
        if (!isFunction(value)) {
            return value;
        }
        Callbacks.Function function = Functional.of(value);
        if (function.objects()) {
            throw new PythonException("A function that takes PythonObjects cannot be called by another process, whose objects"
                    + " are not here: " + value.getClass().getName());
        }
        return function;
    }

    /** The memory of a value of a type that is not built in. */
    public static <T> Object toPeer(PythonType<T> type, Object value) {
        PythonBuffer buffer = type.toBuffer(type.adapt(value));
        if (buffer == null) {
            throw new PythonException("Values of " + type + " do not cross to another process: only those of the built-in types do,"
                    + " and those of types with toBuffer().");
        }
        return type.hasTables() ? new Pack.TableBytes(buffer) : buffer;
    }

    /** Whether {@link #counterpart} makes a value of a Java object, and not a function or a reference. */
    static boolean isKnown(Object value) {
        for (Class<?> type : KNOWN) {
            if (type.isInstance(value)) {
                return true;
            }
        }
        return Records.isRecord(value.getClass()) || Counterparts.isKnown(value);
    }

    /** Whether a value becomes a function. An Iterable becomes a list, although it can be a lambda, or callable as Clojure's sets are. */
    private static boolean isFunction(Object value) {
        return !(value instanceof Iterable) && Functional.isFunction(value);
    }

    /** The content of an Optional of any kind, null for an empty one. Any other value is returned unchanged. */
    static Object content(Object value) {
        if (value instanceof Optional) {
            return ((Optional<?>) value).orElse(null);
        } else if (value instanceof OptionalInt) {
            return ((OptionalInt) value).isPresent() ? ((OptionalInt) value).getAsInt() : null;
        } else if (value instanceof OptionalLong) {
            return ((OptionalLong) value).isPresent() ? ((OptionalLong) value).getAsLong() : null;
        } else if (value instanceof OptionalDouble) {
            return ((OptionalDouble) value).isPresent() ? ((OptionalDouble) value).getAsDouble() : null;
        }
        return value;
    }

    /**
     * A simpler value, or a {@link Pack.Fresh} object without another holder; the value itself if there is no
     * counterpart.
     */
    private static Object counterpart(Object value) {
        if (value instanceof Map.Entry) {
            return value; // a form of its own
        } else if (value instanceof Enum) {
            return ((Enum<?>) value).name();
        } else if (value instanceof CharSequence || value instanceof URI || value instanceof URL) {
            return value.toString();
        } else if (value instanceof Path || value instanceof File) {
            return make("path", value.toString());
        } else if (value instanceof UUID) {
            return make("uuid", value.toString());
        } else if (value instanceof Instant) {
            return dateTime(utc((Instant) value), 0, null);
        } else if (value instanceof LocalDateTime) {
            return dateTime((LocalDateTime) value, null, null);
        } else if (value instanceof OffsetDateTime) {
            OffsetDateTime time = (OffsetDateTime) value;
            return dateTime(time.toLocalDateTime(), time.getOffset().getTotalSeconds(), null);
        } else if (value instanceof ZonedDateTime) {
            ZonedDateTime time = (ZonedDateTime) value;
            String zone = time.getZone() instanceof ZoneOffset ? null : time.getZone().getId();
            return dateTime(time.toLocalDateTime(), time.getOffset().getTotalSeconds(), zone);
        } else if (value instanceof LocalDate) {
            LocalDate date = (LocalDate) value;
            return make("date", year(date, date.getYear()), date.getMonthValue(), date.getDayOfMonth());
        } else if (value instanceof LocalTime) {
            LocalTime time = (LocalTime) value;
            return make("time", time.getHour(), time.getMinute(), time.getSecond(), time.getNano() / MICRO);
        } else if (value instanceof Duration) {
            return duration((Duration) value);
        }
        if (value instanceof Callbacks.Given) {
            return ((Callbacks.Given) value).fresh();
        } else if (Records.isRecord(value.getClass())) {
            return record(value);
        }
        Object content = content(value);
        Object other = content != value ? content : Counterparts.toPython(value);
        return other == value && isFunction(value) ? new Callbacks.Given(Functional.of(value), null).fresh() : other;
    }

    /** A record as a named tuple. @param shown makes of a component and its declared type what it is there */
    static Counterparts.Named named(Object value, Target target, Function<Map.Entry<Object, Target>, Object> shown) {
        List<Object> values = target.record.values(value);
        for (int i = 0; i < values.size(); i++) {
            values.set(i, shown.apply(new AbstractMap.SimpleImmutableEntry<>(values.get(i), target.part(i))));
        }
        return new Counterparts.Named(value.getClass().getSimpleName(), target.record.names, values);
    }

    private static Object record(Object value) {
        try {
            Target target = Target.of(value.getClass());
            return Counterparts.toPython(target.keepsObjects() ? Functional.typed(value, target)
                    : named(value, target, Map.Entry::getKey));
        } catch (StackOverflowError e) {
            throw new PythonException("The value nests deeper than the stack of this thread holds, or contains itself: a "
                    + value.getClass().getName());
        }
    }

    private static LocalDateTime utc(Instant instant) {
        try {
            return LocalDateTime.ofInstant(instant, ZoneOffset.UTC);
        } catch (DateTimeException e) { // the first and the last year of all
            throw new PythonException(YEARS + instant, e);
        }
    }

    /** The year, if Python has it. */
    private static int year(Object time, int year) {
        if (year < 1 || year > 9999) {
            throw new PythonException(YEARS + time);
        }
        return year;
    }

    private static Pack.Fresh duration(Duration span) {
        long days = Math.floorDiv(span.getSeconds(), 86400L);
        if (Math.abs(days) > 999_999_999) {
            throw new PythonException("Python's timedelta has 999999999 days at most, and so no " + span);
        }
        return make("duration", span.getSeconds(), span.getNano() / MICRO);
    }

    private static Pack.Fresh dateTime(LocalDateTime time, Integer offset, String zone) {
        year(time, time.getYear());
        return make("datetime", time.getYear(), time.getMonthValue(), time.getDayOfMonth(), time.getHour(),
                time.getMinute(), time.getSecond(), time.getNano() / MICRO, offset, zone);
    }

    private static Pack.Fresh make(String kind, Object... parts) {
        return new Pack.Fresh(Access.get().callFresh(Access.get().tool("make_" + kind), parts));
    }
}
