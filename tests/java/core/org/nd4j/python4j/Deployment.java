// SPDX-License-Identifier: Apache-2.0
// One deployment of LoadersApp: the application and the library by a class loader of their own, as an application
// server has it.
package org.nd4j.python4j;

import java.io.File;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

final class Deployment implements AutoCloseable {
    private URLClassLoader loader;
    private BiFunction<String, String, Object> app;

    @SuppressWarnings("unchecked") // the application's class is another loader's
    Deployment(String name) throws Exception {
        List<URL> urls = new ArrayList<>();
        for (String entry : Launch.classPath().split(File.pathSeparator)) {
            urls.add(new File(entry).toURI().toURL());
        }
        loader = new URLClassLoader(name, urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
        Class<?> type = loader.loadClass("org.nd4j.python4j.LoadersApp");
        app = (BiFunction<String, String, Object>) type.getConstructor().newInstance();
    }

    /** Has the application do something; starts Python where it does not run. */
    Object run(String what, String argument) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(loader); // as servers do for the length of a request
        try {
            return app.apply(what, argument);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** The name that the application has from then on. */
    Deployment named(String name) {
        run("name", name);
        return this;
    }

    /** What is left of the application must be collected after that. */
    WeakReference<ClassLoader> undeploy() throws Exception {
        WeakReference<ClassLoader> gone = new WeakReference<>(loader);
        close();
        return gone;
    }

    @Override
    public void close() throws Exception {
        if (loader != null) {
            loader.close();
            loader = null;
            app = null;
        }
    }
}
