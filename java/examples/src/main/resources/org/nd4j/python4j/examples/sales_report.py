# SPDX-License-Identifier: Apache-2.0
# The Python half of SalesReport.java: `orders` has a column for each component of a Java record; what Java reads back are
# the DataFrames `months` and `regions`, and the picture at `path`.
import matplotlib
import pandas

matplotlib.use("Agg")  # no window: the picture goes to a file
from matplotlib import pyplot

frame = pandas.DataFrame(orders)
frame["revenue"] = frame.price.astype(float) * frame.quantity
frame["month"] = pandas.to_datetime(frame.day).dt.to_period("M")

by_month = frame.pivot_table(index="month", columns="region", values="revenue", aggfunc="sum", observed=True)
total = by_month.sum(axis=1)
months = pandas.DataFrame({
    "month": total.index.astype(str), "revenue": total.array, "change": total.pct_change().fillna(0).array,
    "best": by_month.idxmax(axis=1).array})
regions = frame.groupby("region").agg(
    orders=("id", "count"), revenue=("revenue", "sum"), median=("revenue", "median")).reset_index()

figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), width_ratios=[2, 1], layout="constrained")
labels = [month.strftime("%b") for month in by_month.index]
bottom = 0
for region in by_month:
    left.bar(labels, by_month[region] / 1e6, bottom=bottom, label=region)
    bottom = bottom + by_month[region] / 1e6
left.set(title="Revenue by month, in millions")
left.legend(ncols=4, frameon=False, loc="upper left")
left.set_ylim(top=left.get_ylim()[1] * 1.15)
right.boxplot([group.revenue for _, group in frame.groupby("region")], tick_labels=list(by_month), showfliers=False)
right.set(title="Revenue of an order")
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
figure.savefig(path, dpi=90)
pyplot.close(figure)
versions = f"pandas {pandas.__version__}, matplotlib {matplotlib.__version__}"
