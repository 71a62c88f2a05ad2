// SPDX-License-Identifier: Apache-2.0
// The description of the properties, which editors read, against the records that take their values.
package org.nd4j.python4j.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.bind.DefaultValue;

class PropertiesTest {

    private static String kebab(String name) {
        return name.replaceAll("([A-Z])", "-$1").toLowerCase();
    }

    /** Of each property: its type and its default, as the metadata has both. */
    private static Map<String, String> described(Class<?> type, String prefix) throws Exception {
        Map<String, String> all = new TreeMap<>();
        int i = 0;
        for (RecordComponent component : type.getRecordComponents()) {
            String name = prefix + "." + kebab(component.getName());
            if (component.getType().isRecord()) {
                all.putAll(described(component.getType(), name));
            } else {
                // The annotation has a parameter for its target, but not a component.
                DefaultValue value = type.getDeclaredConstructors()[0].getParameters()[i].getAnnotation(DefaultValue.class);
                all.put(name, typeName(component.getGenericType())
                        + (value == null || value.value().length == 0 ? "" : " = " + value.value()[0].toLowerCase()));
            }
            i++;
        }
        return all;
    }

    private static String typeName(Type type) {
        if (type instanceof ParameterizedType parameterized) {
            return ((Class<?>) parameterized.getRawType()).getName()
                    + Arrays.stream(parameterized.getActualTypeArguments()).map(Type::getTypeName).collect(Collectors.joining(",", "<", ">"));
        }
        return type == boolean.class ? "java.lang.Boolean" : ((Class<?>) type).getName();
    }

    static Set<String> names(Class<?> type, String prefix) throws Exception {
        return described(type, prefix).keySet();
    }

    @Test
    void theMetadataDescribesEachProperty() throws Exception {
        String metadata = new String(PropertiesTest.class.getResourceAsStream("/META-INF/spring-configuration-metadata.json").readAllBytes(),
                StandardCharsets.UTF_8);
        Map<String, String> told = new TreeMap<>();
        Matcher properties = Pattern.compile("\\{\"name\": \"(python4j[^\"]+)\", \"type\": \"([^\"]+)\", \"description\": \"[A-Z][^\"]+\\.\", "
                + "\"sourceType\": \"([^\"]+)\"(?:, \"defaultValue\": \"?([^\"}]+)\"?)?\\}").matcher(metadata);
        while (properties.find()) {
            told.put(properties.group(1), properties.group(2) + (properties.group(4) == null ? "" : " = " + properties.group(4)));
            assertTrue(Class.forName(properties.group(3)).isRecord());
        }
        assertEquals(described(PythonProperties.class, "python4j"), told);
    }

    @Test
    void everyPropertyIsTaken() {
        try (App.Running app = App.run("python4j.interpreter=embedded", "python4j.output=log", "python4j.watchdog=10s", "python4j.limit=5s",
                "python4j.timing=false", "python4j.warm-up.limit=0", "python4j.async.loop=asyncio", "python4j.health.turn-limit=1m",
                "python4j.pool.workers=1", "python4j.pool.max-workers=2", "python4j.pool.idle=5s", "python4j.pool.interpreter=embedded",
                "python4j.pool.working-directory=.", "python4j.pool.environment.GREETING=hello", "python4j.pool.imports=json,os",
                "python4j.pool.prepare=classpath:prepare.py", "python4j.pool.fork-server=false", "python4j.pool.numeric-threads=1",
                "python4j.pool.limit=10s", "python4j.pool.grace=1s", "python4j.pool.start-limit=1m", "python4j.pool.memory-limit=4GB",
                "python4j.pool.processor-limit=1m", "python4j.pool.recycle-after=1000", "python4j.pool.recycle-above=2GB",
                "python4j.pool.queue=10", "python4j.pool.fail-when-full=true")) {
            Object said = app.context.getBean(org.nd4j.python4j.pool.PythonPool.class).call("greet", "Ada");
            assertEquals("hello Ada", said);
        } finally {
            System.clearProperty("org.eclipse.python4j.python");
        }
    }
}
