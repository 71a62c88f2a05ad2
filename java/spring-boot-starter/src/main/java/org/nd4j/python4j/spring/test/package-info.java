// SPDX-License-Identifier: Apache-2.0
/** Tests of Spring Boot applications that use Python: {@link org.nd4j.python4j.spring.test.PythonTest}. */
package org.nd4j.python4j.spring.test;
