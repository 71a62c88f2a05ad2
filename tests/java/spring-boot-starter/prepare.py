# What the workers of PropertiesTest run before their first call.
import os


def greet(name):
    return os.environ["GREETING"] + " " + name
