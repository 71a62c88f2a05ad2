// SPDX-License-Identifier: Apache-2.0
// An application of somebody else's. It prints its port and its class loader when it accepts requests.
package consumer;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.event.EventListener;

@SpringBootApplication
public class Application {

    public static void main(String[] args) {
        SpringApplication.run(Application.class, args);
    }

    @EventListener
    public void ready(ApplicationReadyEvent event) {
        System.out.println("READY " + event.getApplicationContext().getEnvironment().getProperty("local.server.port") + " "
                + getClass().getClassLoader().getClass().getSimpleName());
    }
}
