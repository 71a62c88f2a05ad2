# SPDX-License-Identifier: Apache-2.0
# Builds the package python4j-demo, which the tests install and remove, with nothing but Python: no
# setuptools, no network. pip finds it through the pyproject.toml that DemoPackage.java writes.
import os
import sys
import zipfile

NAME = "python4j_demo"


def _wheel(folder, files):
    with open("VERSION") as file:
        version = file.read().strip()
    info = f"{NAME}-{version}.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: python4j-demo\nVersion: {version}\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    wheel = f"{NAME}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open(NAME + ".py") as file:
        return _wheel(wheel_directory, {NAME + ".py": file.read()})


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {NAME + ".pth": os.getcwd() + "\n"})


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    print(build_wheel(sys.argv[2]))
