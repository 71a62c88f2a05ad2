// SPDX-License-Identifier: Apache-2.0
/**
 * Python in Spring Boot applications. {@link org.nd4j.python4j.spring.PythonTemplate} is the bean that most programs
 * inject.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/spring.md">Spring Boot</a>
 */
package org.nd4j.python4j.spring;
