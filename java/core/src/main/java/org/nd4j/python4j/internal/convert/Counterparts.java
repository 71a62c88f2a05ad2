// SPDX-License-Identifier: Apache-2.0
// Values of less common JDK types: their counterparts in Python, and the conversion back. Conversion and ToPython
// handle common types.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Type;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.MonthDay;
import java.time.OffsetTime;
import java.time.Period;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoField;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.Date;
import java.util.Enumeration;
import java.util.GregorianCalendar;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TimeZone;
import java.util.function.Function;
import java.util.stream.BaseStream;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Pack;

/** Conversions by class. A conversion to Python returns a simpler value that ToPython knows, or a new object. */
final class Counterparts {

    private static final String SQL = "java.sql.";

    private static final List<Class<?>> NAMED = List.of(
            java.nio.file.Path.class, ZoneOffset.class, ZoneId.class, Calendar.class, TimeZone.class);

    /** This is a separate class because the module java.sql may be missing. */
    private static final class Sql {
        static Object toPython(Object value) {
            if (value instanceof java.sql.Timestamp) {
                return ((java.sql.Timestamp) value).toInstant();
            }
            if (value instanceof java.sql.Date) {
                return ((java.sql.Date) value).toLocalDate();
            }
            java.sql.Time time = (java.sql.Time) value;
            return time.toLocalTime().plus(Math.floorMod(time.getTime(), 1000), ChronoUnit.MILLIS); // which the JDK leaves out
        }

        static Function<String, Object> fromText(Class<?> type) {
            if (type == java.sql.Timestamp.class) {
                return text -> java.sql.Timestamp.from(ZonedDateTime.parse(text).toInstant());
            } else if (type == java.sql.Date.class) {
                return text -> java.sql.Date.valueOf(java.time.LocalDate.parse(text));
            }
            return text -> time(java.time.LocalTime.parse(text));
        }

        private static java.sql.Time time(java.time.LocalTime read) {
            return new java.sql.Time(java.sql.Time.valueOf(read).getTime() + read.get(ChronoField.MILLI_OF_SECOND));
        }
    }

    /** A named tuple on its way to Python. */
    static final class Named {
        private final String name;
        private final List<String> names;
        private final List<Object> values;

        Named(String name, List<String> names, List<Object> values) {
            this.name = name;
            this.names = names;
            this.values = values;
        }
    }

    private Counterparts() {}

    // ---- to Python ----

    /** Whether {@link #toPython} has a counterpart of a value that cannot change, or that is copied by custom. */
    static boolean isKnown(Object value) {
        return value instanceof Date || value instanceof Calendar || value instanceof ZoneId || value instanceof TimeZone
                || value instanceof Year || value instanceof YearMonth || value instanceof MonthDay || value instanceof Period
                || value instanceof OffsetTime || isUnit(value);
    }

    /** What Kotlin's and Scala's functions give where Java's give nothing. */
    private static boolean isUnit(Object value) {
        String name = value.getClass().getName();
        return name.equals("kotlin.Unit") || name.equals("scala.runtime.BoxedUnit");
    }

    /** The same zone, or the offset if the program made the zone under a name that is no zone's. */
    private static ZoneId zone(TimeZone zone, Integer millis) {
        try {
            return zone.toZoneId();
        } catch (DateTimeException e) {
            if (millis == null || millis % 1000 != 0 || Math.abs(millis / 1000) > ZoneOffset.MAX.getTotalSeconds()) {
                throw new PythonException("Python has no time zone like that with the ID " + zone.getID() + ", since java.time has none.", e);
            }
            return ZoneOffset.ofTotalSeconds(millis / 1000);
        }
    }

    /** A simpler value of the same meaning, an object made of it, or the value itself. */
    static Object toPython(Object value) {
        if (value instanceof Date) {
            return sql(value.getClass()) == null ? Instant.ofEpochMilli(((Date) value).getTime()) : Sql.toPython(value);
        } else if (value instanceof Calendar) {
            Calendar calendar = (Calendar) value;
            return calendar.toInstant().atZone(zone(calendar.getTimeZone(), calendar.get(Calendar.ZONE_OFFSET) + calendar.get(Calendar.DST_OFFSET)));
        } else if (value instanceof TimeZone) {
            TimeZone zone = (TimeZone) value;
            return toPython(zone(zone, zone.useDaylightTime() ? null : zone.getRawOffset()));
        } else if (value instanceof ZoneId) {
            Integer offset = value instanceof ZoneOffset ? ((ZoneOffset) value).getTotalSeconds() : null;
            return fresh("make_zone", ((ZoneId) value).getId(), offset);
        } else if (value instanceof OffsetTime) {
            OffsetTime time = (OffsetTime) value;
            return fresh("make_time", time.getHour(), time.getMinute(), time.getSecond(),
                    time.getNano() / 1000, time.getOffset().getTotalSeconds());
        } else if (value instanceof Year) {
            return ((Year) value).getValue();
        } else if (value instanceof YearMonth && ((YearMonth) value).getYear() > 9999) {
            return "+" + value; // which the JDK leaves out, and does not read then
        } else if (value instanceof YearMonth || value instanceof MonthDay || value instanceof Period) {
            return value.toString();
        } else if (value instanceof Named) {
            return fresh("make_record", ((Named) value).name, ((Named) value).names, ((Named) value).values);
        } else if (isStream(value)) {
            List<Object> all = new ArrayList<>();
            iterator(value).forEachRemaining(all::add);
            return all;
        } else if (ByReference.isAwaited(value)) {
            return ByReference.awaited(value).fresh();
        }
        return isUnit(value) ? null : value;
    }

    private static Pack.Fresh fresh(String tool, Object... parts) {
        return new Pack.Fresh(Access.get().callFresh(Access.get().tool(tool), parts));
    }

    /** Whether a value gives elements one after the other, once. */
    static boolean isStream(Object value) {
        return value instanceof Iterator || value instanceof BaseStream || value instanceof Enumeration;
    }

    /** The elements of what gives them once. */
    static Iterator<?> iterator(Object value) {
        if (value instanceof BaseStream) {
            return ((BaseStream<?, ?>) value).iterator();
        }
        return value instanceof Enumeration ? ((Enumeration<?>) value).asIterator() : (Iterator<?>) value;
    }

    /** The class of java.sql that a class of dates is or extends; null for none. */
    private static Class<?> sql(Class<?> type) {
        Class<?> at = type;
        while (at != null && !at.getName().startsWith(SQL)) {
            at = at.getSuperclass();
        }
        return at;
    }

    // ---- from Python ----

    /** What makes a value of a class of the text that Python's value is written as; null if there is nothing. */
    static Function<String, Object> fromText(Class<?> type) {
        if (type == ZoneId.class) {
            return ZoneId::of;
        } else if (type == ZoneOffset.class) {
            return ZoneOffset::of;
        } else if (type == TimeZone.class) {
            return text -> TimeZone.getTimeZone(ZoneId.of(text));
        } else if (type == Year.class) {
            return Year::parse;
        } else if (type == YearMonth.class) {
            return YearMonth::parse;
        } else if (type == MonthDay.class) {
            return MonthDay::parse;
        } else if (type == Period.class) {
            return Period::parse;
        } else if (type == OffsetTime.class) {
            return OffsetTime::parse;
        } else if (type == Calendar.class || type == GregorianCalendar.class) {
            return text -> GregorianCalendar.from(ZonedDateTime.parse(text));
        } else if (type == char[].class) {
            return String::toCharArray;
        }
        return type.getName().startsWith(SQL) && Date.class.isAssignableFrom(type) ? Sql.fromText(type) : null;
    }

    /** Whether a class is read from what a type of Python's that has these words is. */
    static boolean isOf(String kind, Class<?> type) {
        boolean zone = ZoneId.class.isAssignableFrom(type) || type == TimeZone.class;
        return kind.equals("zone") ? zone : kind.equals("time") && !zone && (type == OffsetTime.class || Calendar.class.isAssignableFrom(type)
                || type.getName().startsWith(SQL));
    }

    /** A value of a moment with the zone that Python knows by name. */
    static Object zoned(Object value, String zone) {
        if (value instanceof ZonedDateTime) {
            return ((ZonedDateTime) value).withZoneSameInstant(ZoneId.of(zone));
        } else if (value instanceof Calendar) {
            ((Calendar) value).setTimeZone(TimeZone.getTimeZone(zone));
        }
        return value;
    }

    /** The class by which a program names objects of a class that is not public: a Path, not a UnixPath. */
    static Class<?> named(Object value) {
        for (Class<?> type : NAMED) {
            if (type.isInstance(value)) {
                return type;
            }
        }
        return value instanceof Enum ? ((Enum<?>) value).getDeclaringClass() : value.getClass();
    }

    /** The same with the types of what an entry or an Optional holds. */
    static Type typeOf(Object value) {
        if (value instanceof Map.Entry) {
            Map.Entry<?, ?> entry = (Map.Entry<?, ?>) value;
            return Conversion.generic(Map.Entry.class, typeOf(entry.getKey()), typeOf(entry.getValue()));
        } else if (value instanceof Optional) {
            return Conversion.generic(Optional.class, typeOf(((Optional<?>) value).orElse(null)));
        }
        return value == null ? Object.class : named(value);
    }

    /** The type of the elements of a stream of primitives; null for another class. */
    static Class<?> elementOf(Class<?> type) {
        return type == IntStream.class ? int.class : type == LongStream.class ? long.class : type == DoubleStream.class ? double.class : null;
    }

    /** A stream of boxes as the stream that is wanted. */
    static Object stream(Class<?> type, Stream<Object> boxes) {
        if (type == IntStream.class) {
            return boxes.mapToInt(box -> (Integer) box);
        }
        return type == LongStream.class ? boxes.mapToLong(box -> (Long) box)
                : type == DoubleStream.class ? boxes.mapToDouble(box -> (Double) box) : boxes;
    }
}
