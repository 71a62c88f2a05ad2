// SPDX-License-Identifier: Apache-2.0
// An application server with two web applications that each bring python4j: deployed, used by several clients at once,
// and redeployed meanwhile. Started by gradle/server.gradle, since Tomcat is nothing that other tests should see.
package org.nd4j.python4j.server;

import java.io.File;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.catalina.Context;
import org.apache.catalina.core.StandardContext;
import org.apache.catalina.loader.WebappLoader;
import org.apache.catalina.startup.Tomcat;

/** {@code Servers CLASSPATH}: what each application has in its {@code WEB-INF}. */
public final class Servers {
    private static final int REDEPLOYMENTS = 5;
    private static final int CLIENTS = 4;

    private final Tomcat tomcat = new Tomcat();
    private final String[] classPath;
    private final Path base;
    private final ReentrantReadWriteLock[] locks = {new ReentrantReadWriteLock(true), new ReentrantReadWriteLock(true)};
    private final Context[] applications = new Context[2];
    private final List<WeakReference<ClassLoader>> gone = new ArrayList<>();
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicInteger wrong = new AtomicInteger();
    private volatile boolean going = true;

    private Servers(String classPath) throws IOException {
        this.classPath = classPath.split(File.pathSeparator);
        this.base = Files.createTempDirectory("server");
    }

    public static void main(String[] arguments) throws Exception {
        int status = new Servers(arguments[0]).run();
        System.exit(status);
    }

    private int run() throws Exception {
        tomcat.setBaseDir(base.toString());
        tomcat.setPort(0);
        tomcat.getConnector();
        tomcat.getHost();
        tomcat.start();
        deploy(0);
        deploy(1);
        List<Thread> clients = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            int number = i;
            Thread client = new Thread(() -> ask(number), "client " + i);
            client.start();
            clients.add(client);
        }
        for (int i = 0; i < REDEPLOYMENTS; i++) {
            for (int each = 0; each < 2; each++) {
                int before = requests.get();
                while (requests.get() < before + 50 && wrong.get() == 0) {
                    Thread.sleep(10);
                }
                locks[each].writeLock().lock();
                try {
                    undeploy(each);
                    deploy(each);
                } finally {
                    locks[each].writeLock().unlock();
                }
            }
        }
        going = false;
        for (Thread client : clients) {
            client.join();
        }
        undeploy(0);
        undeploy(1);
        long end = System.nanoTime() + 30_000_000_000L;
        while (System.nanoTime() < end && gone.stream().anyMatch(loader -> loader.get() != null)) {
            System.gc();
            Thread.sleep(50);
        }
        long left = gone.stream().filter(loader -> loader.get() != null).count();
        if (left > 0) {
            wrong(left + " of " + gone.size() + " class loaders are still there");
        }
        tomcat.stop();
        System.out.println("DONE " + requests + " requests, " + gone.size() + " deployments, " + wrong + " wrong");
        return wrong.get() == 0 ? 0 : 1;
    }

    private void deploy(int number) throws Exception {
        Path root = base.resolve("application" + number);
        if (!Files.exists(root)) {
            install(root.resolve("WEB-INF"));
        }
        StandardContext context = new StandardContext();
        context.setPath("/" + number);
        context.setDocBase(root.toString());
        context.addLifecycleListener(new Tomcat.FixContextListener());
        context.setLoader(new WebappLoader());
        Tomcat.addServlet(context, "python", "org.nd4j.python4j.server.PythonServlet");
        context.addServletMappingDecoded("/*", "python");
        tomcat.getHost().addChild(context); // which starts it
        applications[number] = context;
    }

    private void install(Path folder) throws IOException {
        Path libraries = Files.createDirectories(folder.resolve("lib"));
        for (String entry : classPath) {
            Path from = Path.of(entry);
            if (!Files.isDirectory(from)) {
                Files.copy(from, libraries.resolve(from.getFileName()));
                continue;
            }
            try (Stream<Path> files = Files.walk(from)) {
                for (Path file : files.filter(Files::isRegularFile).collect(Collectors.toList())) {
                    Path to = folder.resolve("classes").resolve(from.relativize(file).toString());
                    Files.createDirectories(to.getParent());
                    Files.copy(file, to);
                }
            }
        }
    }

    private void undeploy(int number) throws Exception {
        Context context = applications[number];
        gone.add(new WeakReference<>(context.getLoader().getClassLoader()));
        tomcat.getHost().removeChild(context); // which stops it
        applications[number] = null;
    }

    private void ask(int client) {
        for (int i = 0; going && wrong.get() == 0; i++) {
            int number = (client + i) % 2;
            locks[number].readLock().lock();
            try {
                String expected = number + " called with " + i + ", raised ZeroDivisionError, printed " + i;
                String answer = get("/" + number + "/?name=" + number + "&value=" + i);
                requests.incrementAndGet();
                if (!answer.equals(expected)) {
                    wrong(answer + " instead of " + expected);
                }
            } catch (IOException e) {
                wrong(e.toString());
            } finally {
                locks[number].readLock().unlock();
            }
        }
    }

    private String get(String path) throws IOException {
        URL url = new URL("http", "localhost", tomcat.getConnector().getLocalPort(), path);
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        connection.setReadTimeout(20_000);
        return new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    private void wrong(String what) {
        wrong.incrementAndGet();
        System.out.println("WRONG " + what);
    }
}
