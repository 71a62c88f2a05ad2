# SPDX-License-Identifier: Apache-2.0
# The Python side of Celsius.java: found only through PythonType.packages().


class Celsius:
    def __init__(self, degrees):
        self.degrees = degrees

    def __str__(self):
        return f"{self.degrees} C"
