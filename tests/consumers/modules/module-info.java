// SPDX-License-Identifier: Apache-2.0
// The program as a module. ND4J stays on the class path, see java/numpy/src/main/module.
module consumer {
    requires python4j.core;
    requires python4j.numpy;
}
