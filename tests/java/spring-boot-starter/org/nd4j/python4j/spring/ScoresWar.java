// SPDX-License-Identifier: Apache-2.0
// The initializer of docs/spring.md, and a Tomcat that starts it as it starts a WAR. WarTest runs the program.
package org.nd4j.python4j.spring;

import jakarta.servlet.ServletContext;
import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.ServletException;
import java.nio.file.Path;
import java.util.Set;
import java.util.logging.LogManager;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.web.servlet.support.SpringBootServletInitializer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.SpringServletContainerInitializer;

public class ScoresWar extends SpringBootServletInitializer {

    @Override
    public void onStartup(ServletContext context) throws ServletException {
        context.addListener(new ServletContextListener() { // added before Spring's listener, it is told of the end after that one

            @Override
            public void contextDestroyed(ServletContextEvent event) {
                PythonExecutioner.shutdown();
            }
        });
        super.onStartup(context);
    }

    @Override
    protected SpringApplicationBuilder configure(SpringApplicationBuilder application) {
        return application.sources(Scores.class);
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Scores {

        @Bean
        DisposableBean last(PythonTemplate python) {
            System.out.println("starts " + python.call(Long.class, "math:comb", 5, 2));
            return () -> System.out.println("ends " + python.call(Long.class, "math:comb", 4, 2));
        }
    }

    public static void main(String[] arguments) throws Exception {
        LogManager.getLogManager().reset(); // Tomcat prints its steps otherwise
        Tomcat server = new Tomcat();
        server.setBaseDir(arguments[0]);
        server.setPort(0);
        server.getConnector();
        Context context = server.addContext("", Path.of(arguments[0]).toString());
        context.addServletContainerInitializer(new SpringServletContainerInitializer(), Set.of(ScoresWar.class));
        server.start();
        server.stop();
        server.destroy();
        try (PythonGIL turn = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
            System.out.println(Python.eval("1"));
        } catch (PythonException e) {
            System.out.println(e.getMessage().split(":")[0]);
        }
    }
}
