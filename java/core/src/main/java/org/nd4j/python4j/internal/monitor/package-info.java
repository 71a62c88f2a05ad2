// SPDX-License-Identifier: Apache-2.0
// What JMX, the Java Flight Recorder and PythonGIL.monitor() show of turns and programs.
/** Monitoring, which only looks on. */
package org.nd4j.python4j.internal.monitor;
