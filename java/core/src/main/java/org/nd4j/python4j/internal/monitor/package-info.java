// SPDX-License-Identifier: Apache-2.0
// The monitoring data about turns and programs, for JMX, the Java Flight Recorder and PythonGIL.monitor().
/** Monitoring, which only observes. */
package org.nd4j.python4j.internal.monitor;
