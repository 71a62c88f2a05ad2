// SPDX-License-Identifier: Apache-2.0
// A report by pandas about Java records, which go there as a table, with a picture by matplotlib; its DataFrames come back as records.
// The Python half is sales_report.py.
package org.nd4j.python4j.examples;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonTypes;

/** Sums up a year of orders by month and region, and draws them. */
public final class SalesReport {
    private static final int ORDERS = 20_000;

    private SalesReport() {}

    enum Region { NORTH, EAST, SOUTH, WEST }

    record Order(int id, LocalDate day, Region region, BigDecimal price, int quantity) {}

    record Month(String month, double revenue, double change, Region best) {}

    record Summary(Region region, int orders, double revenue, double median) {}

    public static void main(String[] args) throws IOException {
        Path picture = Path.of(args.length > 0 ? args[0] : "sales-report.png").toAbsolutePath();
        Month[] months;
        Summary[] regions;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.setVariable("orders", Python.columns(orders(), Order.class));
            PythonExecutioner.setVariable("path", Python.of(picture));
            PythonExecutioner.exec(Resource.text("sales_report.py"));
            months = PythonExecutioner.getVariable("months").toJava(Month[].class);
            regions = PythonExecutioner.getVariable("regions").toJava(Summary[].class);
            System.out.println(PythonExecutioner.getVariable("versions", PythonTypes.STR).getValue());
        }
        System.out.printf("%n%-10s%14s%9s  %s%n", "month", "revenue", "change", "best");
        for (Month month : months) {
            System.out.printf(Locale.ROOT, "%-10s%,14.2f%+8.1f%%  %s%n",
                    month.month(), month.revenue(), 100 * month.change(), month.best());
        }
        System.out.printf("%n%-10s%14s%9s%10s%n", "region", "revenue", "orders", "median");
        for (Summary region : regions) {
            System.out.printf(Locale.ROOT, "%-10s%,14.2f%9d%10.2f%n",
                    region.region(), region.revenue(), region.orders(), region.median());
        }
        System.out.printf("%n%s, %d kB%n", picture.getFileName(), (Files.size(picture) + 500) / 1000);
    }

    /** The same orders each time. */
    private static List<Order> orders() {
        Random random = new Random(42);
        List<Order> orders = new ArrayList<>();
        for (int id = 1; id <= ORDERS; id++) {
            LocalDate day = LocalDate.of(2025, 1, 1).plusDays((int) (365 * Math.pow(random.nextDouble(), 0.8)));
            Region region = Region.values()[(int) (4 * Math.pow(random.nextDouble(), day.getMonthValue() > 6 ? 2.2 : 1))];
            BigDecimal price = BigDecimal.valueOf(500 + random.nextInt(20_000) * (3L + region.ordinal() % 3) / 4, 2);
            orders.add(new Order(id, day, region, price, 1 + random.nextInt(9)));
        }
        return orders;
    }
}
