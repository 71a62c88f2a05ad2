// SPDX-License-Identifier: Apache-2.0
// The native half of Floors.java: each function does in C what one row of the benchmark does, with
// the fewest calls of CPython's stable ABI. Built by the benchmark, part of nothing else.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <jni.h>
#include <stdio.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Declared here, so that no headers of Python are needed; libpython is opened by start().
typedef struct object Object;
extern void Py_InitializeEx(int);
extern void Py_DecRef(Object *);
extern int PyGILState_Ensure(void);
extern void PyGILState_Release(int);
extern void *PyEval_SaveThread(void);
extern void PyEval_RestoreThread(void *);
extern Object *PyImport_AddModule(const char *);
extern Object *PyModule_GetDict(Object *);
extern Object *Py_CompileString(const char *, const char *, int);
extern Object *PyEval_EvalCode(Object *, Object *, Object *);
extern Object *PyLong_FromLongLong(long long);
extern long long PyLong_AsLongLong(Object *);
extern Object *PyFloat_FromDouble(double);
extern double PyFloat_AsDouble(Object *);
extern Object *PyObject_GetIter(Object *);
extern Object *PyIter_Next(Object *);
extern Object *PyUnicode_FromStringAndSize(const char *, ssize_t);
extern Object *PyUnicode_InternFromString(const char *);
extern const char *PyUnicode_AsUTF8AndSize(Object *, ssize_t *);
extern Object *PyBytes_FromStringAndSize(const char *, ssize_t);
extern int PyBytes_AsStringAndSize(Object *, char **, ssize_t *);
extern Object *PyList_New(ssize_t);
extern int PyList_SetItem(Object *, ssize_t, Object *);
extern Object *PyList_GetItem(Object *, ssize_t);
extern ssize_t PyList_Size(Object *);
extern Object *PyDict_New(void);
extern int PyDict_SetItem(Object *, Object *, Object *);
extern Object *PyDict_GetItemString(Object *, const char *);
extern Object *PyDict_GetItemWithError(Object *, Object *);
extern Object *PyObject_CallFunctionObjArgs(Object *, ...);
extern Object *PyObject_GetAttr(Object *, Object *);
extern Object *PyObject_GetItem(Object *, Object *);
extern Object *PyObject_Str(Object *);
extern void PyErr_Fetch(Object **, Object **, Object **);
extern void PyErr_NormalizeException(Object **, Object **, Object **);
extern void PyErr_Print(void);
typedef struct {
    const char *name;
    Object *(*function)(Object *, Object *);
    int flags;
    const char *text;
} Method;
enum { NO_ARGUMENTS = 4, ONE_ARGUMENT = 8 };
extern Object *PyCFunction_NewEx(Method *, Object *, Object *);
extern Object *Py_BuildValue(const char *, ...);

#define EXPORT(type, name) JNIEXPORT type JNICALL Java_org_nd4j_python4j_bench_Floors_##name

static Object *globals, *name_x, *name_y, *name_z, *name_s, *name_t, *name_m, *name_id, *name_name, *name_score;
static Object *function, *thing, *list, *mixed, *thousand, *identity, *point, *index_0, *index_1, *name_float;
static __thread JNIEnv *here; // that of the thread which is in Python
static __thread void *state; // a thread that was in Python keeps its state, as ours does

static Object *checked(Object *object) {
    if (!object) {
        PyErr_Print();
        abort();
    }
    return object;
}

static void set(Object *name, Object *value) {
    PyDict_SetItem(globals, name, checked(value));
    Py_DecRef(value);
}

EXPORT(void, start)(JNIEnv *env, jclass class, jstring libpython, jstring text) {
    if (globals) return;
    const char *path = (*env)->GetStringUTFChars(env, libpython, 0);
    if (!dlopen(path, RTLD_NOW | RTLD_GLOBAL)) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    Py_InitializeEx(0);
    globals = PyModule_GetDict(PyImport_AddModule("__main__"));
    const char *code = (*env)->GetStringUTFChars(env, text, 0);
    checked(PyEval_EvalCode(checked(Py_CompileString(code, "floor", 257)), globals, globals));
    name_x = PyUnicode_InternFromString("x");
    name_y = PyUnicode_InternFromString("y");
    name_z = PyUnicode_InternFromString("z");
    name_s = PyUnicode_InternFromString("s");
    name_t = PyUnicode_InternFromString("t");
    name_m = PyUnicode_InternFromString("m");
    name_id = PyUnicode_InternFromString("id");
    name_name = PyUnicode_InternFromString("name");
    name_score = PyUnicode_InternFromString("score");
    function = PyDict_GetItemString(globals, "f");
    thing = PyDict_GetItemString(globals, "o");
    list = PyDict_GetItemString(globals, "l");
    mixed = PyDict_GetItemString(globals, "mixed");
    thousand = PyDict_GetItemString(globals, "thousand");
    identity = PyDict_GetItemString(globals, "p");
    point = PyDict_GetItemString(globals, "point");
    index_0 = PyLong_FromLongLong(0);
    index_1 = PyLong_FromLongLong(1);
    name_float = PyUnicode_InternFromString("y");
    state = PyEval_SaveThread();
}

EXPORT(void, empty)(JNIEnv *env, jclass class) {}

EXPORT(void, enter)(JNIEnv *env, jclass class) {
    here = env;
    if (state) {
        PyEval_RestoreThread(state);
    } else {
        PyGILState_Ensure();
    }
}

EXPORT(void, leave)(JNIEnv *env, jclass class) { state = PyEval_SaveThread(); }

// On a thread whose Python state is there already.
EXPORT(void, enterAndLeave)(JNIEnv *env, jclass class) {
    static __thread int known;
    if (!known) {
        known = 1;
        PyGILState_Ensure();
        state = PyEval_SaveThread();
    }
    PyGILState_Release(PyGILState_Ensure());
}

// Each time with a Python state of its own, as it is for a thread that Python does not know.
EXPORT(void, enterAndLeaveFresh)(JNIEnv *env, jclass class) { PyGILState_Release(PyGILState_Ensure()); }

EXPORT(jlong, compile)(JNIEnv *env, jclass class, jstring text) {
    const char *code = (*env)->GetStringUTFChars(env, text, 0);
    Object *compiled = checked(Py_CompileString(code, "floor", 257));
    (*env)->ReleaseStringUTFChars(env, text, code);
    return (jlong) compiled;
}

EXPORT(void, run)(JNIEnv *env, jclass class, jlong code) {
    Py_DecRef(checked(PyEval_EvalCode((Object *) code, globals, globals)));
}

EXPORT(void, compileAndRun)(JNIEnv *env, jclass class, jbyteArray text) {
    jsize length = (*env)->GetArrayLength(env, text);
    char *code = malloc(length + 1);
    (*env)->GetByteArrayRegion(env, text, 0, length, (jbyte *) code);
    code[length] = 0;
    Object *compiled = checked(Py_CompileString(code, "floor", 257));
    free(code);
    Py_DecRef(checked(PyEval_EvalCode(compiled, globals, globals)));
    Py_DecRef(compiled);
}

EXPORT(jlong, addInts)(JNIEnv *env, jclass class, jlong code, jlong x, jlong y) {
    set(name_x, PyLong_FromLongLong(x));
    set(name_y, PyLong_FromLongLong(y));
    Py_DecRef(checked(PyEval_EvalCode((Object *) code, globals, globals)));
    return PyLong_AsLongLong(PyDict_GetItemWithError(globals, name_z));
}

EXPORT(jbyteArray, echoText)(JNIEnv *env, jclass class, jlong code, jbyteArray utf8) {
    jsize length = (*env)->GetArrayLength(env, utf8);
    char *bytes = malloc(length);
    (*env)->GetByteArrayRegion(env, utf8, 0, length, (jbyte *) bytes);
    set(name_s, PyUnicode_FromStringAndSize(bytes, length));
    free(bytes);
    Py_DecRef(checked(PyEval_EvalCode((Object *) code, globals, globals)));
    ssize_t size;
    const char *out = PyUnicode_AsUTF8AndSize(PyDict_GetItemWithError(globals, name_t), &size);
    jbyteArray reply = (*env)->NewByteArray(env, size);
    (*env)->SetByteArrayRegion(env, reply, 0, size, (const jbyte *) out);
    return reply;
}

// The same in three calls, as a program does it that sets a variable, runs code and reads a variable.
EXPORT(void, putText)(JNIEnv *env, jclass class, jbyteArray utf8) {
    char bytes[64];
    jsize length = (*env)->GetArrayLength(env, utf8);
    if (length > sizeof bytes) abort();
    (*env)->GetByteArrayRegion(env, utf8, 0, length, (jbyte *) bytes);
    set(name_s, PyUnicode_FromStringAndSize(bytes, length));
}

EXPORT(jbyteArray, getText)(JNIEnv *env, jclass class) {
    ssize_t size;
    const char *out = PyUnicode_AsUTF8AndSize(PyDict_GetItemWithError(globals, name_t), &size);
    jbyteArray reply = (*env)->NewByteArray(env, size);
    (*env)->SetByteArrayRegion(env, reply, 0, size, (const jbyte *) out);
    return reply;
}

EXPORT(jbyteArray, echoBytes)(JNIEnv *env, jclass class, jlong code, jbyteArray bytes) {
    jsize length = (*env)->GetArrayLength(env, bytes);
    Object *in = checked(PyBytes_FromStringAndSize(0, length));
    char *data;
    ssize_t size;
    PyBytes_AsStringAndSize(in, &data, &size);
    (*env)->GetByteArrayRegion(env, bytes, 0, length, (jbyte *) data);
    set(name_s, in);
    Py_DecRef(checked(PyEval_EvalCode((Object *) code, globals, globals)));
    PyBytes_AsStringAndSize(PyDict_GetItemWithError(globals, name_t), &data, &size);
    jbyteArray reply = (*env)->NewByteArray(env, size);
    (*env)->SetByteArrayRegion(env, reply, 0, size, (const jbyte *) data);
    return reply;
}

static jlong taken(Object *number) {
    jlong value = PyLong_AsLongLong(checked(number));
    Py_DecRef(number);
    return value;
}

EXPORT(jlong, callF)(JNIEnv *env, jclass class, jlong a, jlong b) {
    Object *first = PyLong_FromLongLong(a), *second = PyLong_FromLongLong(b);
    jlong sum = taken(PyObject_CallFunctionObjArgs(function, first, second, NULL));
    Py_DecRef(first);
    Py_DecRef(second);
    return sum;
}

EXPORT(jlong, readAttribute)(JNIEnv *env, jclass class) { return taken(PyObject_GetAttr(thing, name_x)); }

EXPORT(jlong, readItem)(JNIEnv *env, jclass class) {
    Object *index = PyLong_FromLongLong(2);
    jlong value = taken(PyObject_GetItem(list, index));
    Py_DecRef(index);
    return value;
}

static jdouble takenDouble(Object *number) {
    jdouble value = PyFloat_AsDouble(checked(number));
    Py_DecRef(number);
    return value;
}

// ASCII, as it is here, is UTF-8 of JNI's as well.
static jstring takenText(JNIEnv *env, Object *text) {
    ssize_t size;
    jstring value = (*env)->NewStringUTF(env, PyUnicode_AsUTF8AndSize(checked(text), &size));
    Py_DecRef(text);
    return value;
}

EXPORT(jdouble, readAttributeDouble)(JNIEnv *env, jclass class) { return takenDouble(PyObject_GetAttr(thing, name_float)); }

EXPORT(jstring, readAttributeText)(JNIEnv *env, jclass class) { return takenText(env, PyObject_GetAttr(thing, name_s)); }

EXPORT(jdouble, readItemDouble)(JNIEnv *env, jclass class) { return takenDouble(PyObject_GetItem(mixed, index_0)); }

EXPORT(jstring, readItemText)(JNIEnv *env, jclass class) { return takenText(env, PyObject_GetItem(mixed, index_1)); }

EXPORT(jlong, iterator)(JNIEnv *env, jclass class) { return (jlong) checked(PyObject_GetIter(thousand)); }

EXPORT(jlong, next)(JNIEnv *env, jclass class, jlong iterator) {
    Object *element = PyIter_Next((Object *) iterator);
    if (element) return taken(element);
    Py_DecRef((Object *) iterator);
    return -1;
}

EXPORT(jlong, callMethod)(JNIEnv *env, jclass class) {
    Object *method = checked(PyObject_GetAttr(thing, name_m));
    jlong value = taken(PyObject_CallFunctionObjArgs(method, NULL));
    Py_DecRef(method);
    return value;
}

EXPORT(jlong, callProxy)(JNIEnv *env, jclass class, jlong x) {
    Object *argument = PyLong_FromLongLong(x);
    jlong result = taken(PyObject_CallFunctionObjArgs(identity, argument, NULL));
    Py_DecRef(argument);
    return result;
}

EXPORT(jobject, readPoint)(JNIEnv *env, jclass class) {
    static jclass made;
    static jmethodID make;
    if (!made) {
        made = (*env)->NewGlobalRef(env, (*env)->FindClass(env, "org/nd4j/python4j/bench/Peer$Point"));
        make = (*env)->GetMethodID(env, made, "<init>", "(JDLjava/lang/String;)V");
    }
    ssize_t size;
    jlong x = PyLong_AsLongLong(PyDict_GetItemWithError(point, name_x));
    jdouble y = PyFloat_AsDouble(PyDict_GetItemWithError(point, name_y));
    jstring s = (*env)->NewStringUTF(env, PyUnicode_AsUTF8AndSize(PyDict_GetItemWithError(point, name_s), &size));
    return (*env)->NewObject(env, made, make, x, y, s);
}

// ---- from Python to Java: each gives the GIL up and takes it again, and asks whether Java threw something ----

typedef struct {
    jobject receiver;
    jmethodID method, second;
    jint index;
    char line[256];
    ssize_t length;
} Receiver;
static Receiver receivers[8];

static Receiver *of(Object *self) { return &receivers[PyLong_AsLongLong(self)]; }

static void thrown(void) {
    if ((*here)->ExceptionCheck(here)) {
        (*here)->ExceptionDescribe(here);
        abort();
    }
}

static Object *longToLong(Object *self, Object *argument) {
    Receiver *to = of(self);
    jlong x = PyLong_AsLongLong(argument);
    void *left = PyEval_SaveThread();
    jlong result = (*here)->CallLongMethod(here, to->receiver, to->method, x);
    thrown();
    PyEval_RestoreThread(left);
    return PyLong_FromLongLong(result);
}

static Object *toLong(Object *self, Object *none) {
    Receiver *to = of(self);
    void *left = PyEval_SaveThread();
    jlong result = (*here)->CallLongMethod(here, to->receiver, to->method);
    thrown();
    PyEval_RestoreThread(left);
    return PyLong_FromLongLong(result);
}

static Object *textToText(Object *self, Object *argument) {
    Receiver *to = of(self);
    ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(argument, &size);
    void *left = PyEval_SaveThread();
    jstring in = (*here)->NewStringUTF(here, utf8);
    jstring out = (*here)->CallObjectMethod(here, to->receiver, to->method, in);
    thrown();
    char text[64];
    jsize length = (*here)->GetStringLength(here, out);
    (*here)->GetStringUTFRegion(here, out, 0, length, text);
    (*here)->DeleteLocalRef(here, in);
    (*here)->DeleteLocalRef(here, out);
    PyEval_RestoreThread(left);
    return PyUnicode_FromStringAndSize(text, length);
}

// The next element of a list of a thousand, None after the last one.
static Object *next_(Object *self, Object *none_) {
    Receiver *to = of(self);
    if (to->index == 1000) {
        to->index = 0;
        return Py_BuildValue("");
    }
    void *left = PyEval_SaveThread();
    jobject element = (*here)->CallObjectMethod(here, to->receiver, to->method, to->index++);
    thrown();
    jlong value = (*here)->CallLongMethod(here, element, to->second);
    (*here)->DeleteLocalRef(here, element);
    PyEval_RestoreThread(left);
    return PyLong_FromLongLong(value);
}

static Object *write_(Object *self, Object *argument) {
    Receiver *to = of(self);
    ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(argument, &size);
    memcpy(to->line + to->length, utf8, size);
    to->length += size;
    if (to->line[to->length - 1] == '\n') {
        to->line[to->length] = 0;
        to->length = 0;
        void *left = PyEval_SaveThread();
        jstring line = (*here)->NewStringUTF(here, to->line);
        (*here)->CallVoidMethod(here, to->receiver, to->method, line);
        thrown();
        (*here)->DeleteLocalRef(here, line);
        PyEval_RestoreThread(left);
    }
    return PyLong_FromLongLong(size);
}

EXPORT(void, function)(JNIEnv *env, jclass class, jstring name, jint kind, jobject receiver) {
    static Method methods[] = {
        {"longToLong", longToLong, ONE_ARGUMENT}, {"textToText", textToText, ONE_ARGUMENT},
        {"toLong", toLong, NO_ARGUMENTS}, {"next", next_, NO_ARGUMENTS}, {"write", write_, ONE_ARGUMENT}};
    static const char *const calls[][3] = {
        {"java/util/function/LongUnaryOperator", "applyAsLong", "(J)J"},
        {"java/util/function/Function", "apply", "(Ljava/lang/Object;)Ljava/lang/Object;"},
        {"java/util/function/LongSupplier", "getAsLong", "()J"},
        {"java/util/List", "get", "(I)Ljava/lang/Object;"},
        {"java/util/function/Consumer", "accept", "(Ljava/lang/Object;)V"}};
    Receiver *to = &receivers[kind];
    to->receiver = (*env)->NewGlobalRef(env, receiver);
    to->method = (*env)->GetMethodID(env, (*env)->FindClass(env, calls[kind][0]), calls[kind][1], calls[kind][2]);
    to->second = (*env)->GetMethodID(env, (*env)->FindClass(env, "java/lang/Long"), "longValue", "()J");
    const char *text = (*env)->GetStringUTFChars(env, name, 0);
    set(PyUnicode_InternFromString(text), PyCFunction_NewEx(&methods[kind], PyLong_FromLongLong(kind), NULL));
    (*env)->ReleaseStringUTFChars(env, name, text);
}

static const char *utf8Of(Object *object, Object *name, Object **keep) {
    ssize_t size;
    return PyUnicode_AsUTF8AndSize(*keep = checked(PyObject_GetAttr(object, name)), &size);
}

// What an exception in Java tells of Python's: the name of its class and its text, and file, function and line of the frame in which
// it was raised, each in a line. Without class and frame it was no report of an exception, but only of its text.
EXPORT(jstring, raised)(JNIEnv *env, jclass class, jlong code) {
    static Object *name_name_, *name_frame, *name_line, *name_code, *name_file, *name_function;
    if (!name_name_) {
        name_name_ = PyUnicode_InternFromString("__name__");
        name_frame = PyUnicode_InternFromString("tb_frame");
        name_line = PyUnicode_InternFromString("tb_lineno");
        name_code = PyUnicode_InternFromString("f_code");
        name_file = PyUnicode_InternFromString("co_filename");
        name_function = PyUnicode_InternFromString("co_qualname");
    }
    PyEval_EvalCode((Object *) code, globals, globals);
    Object *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Object *frame = checked(PyObject_GetAttr(traceback, name_frame)), *of = checked(PyObject_GetAttr(frame, name_code));
    Object *text = PyObject_Str(value), *line = checked(PyObject_GetAttr(traceback, name_line)), *keep[3];
    ssize_t size;
    char report[512];
    snprintf(report, sizeof report, "%s: %s\n%s\n%s\n%d", utf8Of(type, name_name_, keep), PyUnicode_AsUTF8AndSize(text, &size),
        utf8Of(of, name_file, keep + 1), utf8Of(of, name_function, keep + 2), (int) PyLong_AsLongLong(line));
    jstring reply = (*env)->NewStringUTF(env, report);
    Object *done[] = {keep[0], keep[1], keep[2], line, of, frame, text, type, value, traceback};
    for (int i = 0; i < sizeof done / sizeof *done; i++) Py_DecRef(done[i]);
    return reply;
}

// Builds a value and sets v to it, which frees the one before.
EXPORT(void, build)(JNIEnv *env, jclass class, jint kind, jint count) {
    static Object *name_v;
    if (!name_v) name_v = PyUnicode_InternFromString("v");
    Object *built = kind == 3 ? PyDict_New() : PyList_New(count);
    char text[16];
    for (jint i = 0; i < count; i++) {
        switch (kind) {
            case 0:
                PyList_SetItem(built, i, PyLong_FromLongLong(i + 1000));
                break;
            case 1:
                PyList_SetItem(built, i, PyFloat_FromDouble(i * 0.5));
                break;
            case 2:
                PyList_SetItem(built, i, PyUnicode_FromStringAndSize("01234567", 8));
                break;
            case 3: {
                Object *key = PyUnicode_FromStringAndSize(text, snprintf(text, sizeof text, "k%d", i));
                Object *value = PyFloat_FromDouble(i * 0.5);
                PyDict_SetItem(built, key, value);
                Py_DecRef(key);
                Py_DecRef(value);
                break;
            }
            default: {
                Object *dict = PyDict_New(), *id = PyLong_FromLongLong(i), *score = PyFloat_FromDouble(i * 0.5);
                Object *name = PyUnicode_FromStringAndSize("n1234", 5);
                PyDict_SetItem(dict, name_id, id);
                PyDict_SetItem(dict, name_name, name);
                PyDict_SetItem(dict, name_score, score);
                Py_DecRef(id);
                Py_DecRef(name);
                Py_DecRef(score);
                PyList_SetItem(built, i, dict);
            }
        }
    }
    set(name_v, built);
}

// The list v as an array.
EXPORT(jlongArray, readLongs)(JNIEnv *env, jclass class) {
    Object *v = PyDict_GetItemString(globals, "v");
    jsize count = PyList_Size(v);
    jlongArray array = (*env)->NewLongArray(env, count);
    jlong *longs = (*env)->GetPrimitiveArrayCritical(env, array, NULL);
    for (jsize i = 0; i < count; i++) longs[i] = PyLong_AsLongLong(PyList_GetItem(v, i));
    (*env)->ReleasePrimitiveArrayCritical(env, array, longs, 0);
    return array;
}

// A Python that sends back what comes, its length first, and the socket to it.
EXPORT(jint, echoProcess)(JNIEnv *env, jclass class, jstring python, jstring text) {
    int ends[2], process;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) abort();
    char *arguments[] = {(char *)(*env)->GetStringUTFChars(env, python, 0), "-c", (char *)(*env)->GetStringUTFChars(env, text, 0), 0};
    extern char **environ;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    if (posix_spawn(&process, arguments[0], &actions, 0, arguments, environ)) abort();
    close(ends[1]);
    return ends[0];
}

EXPORT(void, echoBytesThere)(JNIEnv *env, jclass class, jint socket, jbyteArray bytes) {
    static char room[1 << 21];
    jsize length = (*env)->GetArrayLength(env, bytes);
    (*env)->GetByteArrayRegion(env, bytes, 0, length, (jbyte *)room);
    for (jsize done = 0; done < length;) done += send(socket, room + done, length - done, 0);
    for (jsize done = 0; done < length;) {
        ssize_t came = recv(socket, room + done, length - done, 0);
        if (came <= 0) abort();
        done += came;
    }
    (*env)->SetByteArrayRegion(env, bytes, 0, length, (jbyte *)room);
}
