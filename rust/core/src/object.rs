// SPDX-License-Identifier: Apache-2.0
//! The operations on an object: attributes, items, calls, operators, and the builtins that `Python.java`
//! mirrors. Each is one operator with packed operands. Attributes, calls and conversions are frequent, so they
//! have functions of their own, which pack less.

use crate::handle::{self, Frame, Handle};
use crate::pack::{self, Reader, Wanted, Writer};
use crate::script;
use crate::tools::{said, tools};
use crate::{Error, Result, capi, context, names, path};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyIterator, PyList, PyString, PyTuple};
use std::iter;

/// What becomes of an object that is made for Java.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// The frame that it belongs to.
    pub frame: Frame,
    /// Whether its value is told, see [`pack::told`].
    pub told: bool,
}

impl Made {
    /// Java holds the object.
    #[inline]
    fn give(self, object: Bound<'_, PyAny>) -> Handle {
        if self.told {
            pack::tell(&object);
        }
        handle::give(object, self.frame)
    }
}

/// The name of attributes, for [`attribute`].
pub fn name(py: Python<'_>, name: &[u8], root: Frame) -> Result<Handle> {
    let mut reader = Reader::new(name);
    let name = names::name(py, reader.bytes()?)?;
    reader.end()?;
    Ok(handle::give(name.into_any(), root))
}

/// An attribute, by its name.
#[inline]
pub fn attribute(py: Python<'_>, handle: Handle, name: Handle, made: Made) -> Result<Handle> {
    let name = handle::lend(py, name)?;
    let name = name.cast_exact::<PyString>().map_err(PyErr::from)?;
    Ok(made.give(handle::lend(py, handle)?.getattr(name)?))
}

/// The item at an index.
#[inline]
pub fn item(py: Python<'_>, handle: Handle, index: i64, made: Made) -> Result<Handle> {
    Ok(made.give(handle::lend(py, handle)?.get_item(index)?))
}

/// The same of a list itself.
#[inline]
pub fn list_item(py: Python<'_>, handle: Handle, index: i64, made: Made) -> Option<Handle> {
    handle::peek(py, handle, |list| capi::list_item(list, index)).map(|item| made.give(item))
}

/// The next item of an iterator; 0 at its end.
#[inline]
pub fn next(py: Python<'_>, handle: Handle, made: Made) -> Result<Handle> {
    let mut iterator = handle::lend(py, handle)?
        .cast_into::<PyIterator>()
        .map_err(PyErr::from)?;
    Ok(iterator.next().transpose()?.map_or(0, |item| made.give(item)))
}

/// The same of an iterator over a list itself.
#[inline]
pub fn list_next(py: Python<'_>, handle: Handle, made: Made) -> Option<Handle> {
    Some(capi::list_next(py, |look| handle::peek(py, handle, look))?.map_or(0, |item| made.give(item)))
}

/// The object as a packed value of the wanted type.
pub fn convert(py: Python<'_>, handle: Handle, wanted: u8, frame: Frame) -> Result<Vec<u8>> {
    let object = handle::lend(py, handle)?;
    let mut writer = Writer::new(py, frame).in_parts();
    writer.wanted(&object, Wanted::from_code(wanted)?)?;
    Ok(writer.finish())
}

/// The same for a value of 64 bits: an int, or the bits of a float.
#[inline]
pub fn convert_word(py: Python<'_>, handle: Handle, wanted: u8) -> Result<i64> {
    word(&handle::lend(py, handle)?, Wanted::from_code(wanted)?)
}

fn word(object: &Bound<'_, PyAny>, wanted: Wanted) -> Result<i64> {
    match wanted {
        Wanted::Int => pack::integer(object),
        Wanted::Float => Ok(pack::number(object)?.to_bits() as i64),
        _ => Err(Error::refused("The value has no 64 bits.")),
    }
}

/// Calls an object with packed arguments (count, values); the result as a packed value.
pub fn call(py: Python<'_>, handle: Handle, arguments: &[u8], wanted: u8, frame: Frame) -> Result<Vec<u8>> {
    let mut writer = Writer::new(py, frame).in_parts();
    writer.wanted(&result(py, handle, arguments)?, Wanted::from_code(wanted)?)?;
    Ok(writer.finish())
}

/// The same for a result of 64 bits: an int, or the bits of a float.
pub fn call_word(py: Python<'_>, handle: Handle, arguments: &[u8], wanted: u8) -> Result<i64> {
    word(&result(py, handle, arguments)?, Wanted::from_code(wanted)?)
}

/// The same with up to [`capi::FEW`] arguments of the result's kind, which are not packed.
#[inline]
pub fn call_few(py: Python<'_>, handle: Handle, arguments: &[i64], wanted: u8) -> Result<i64> {
    let callable = handle::lend(py, handle)?;
    let wanted = Wanted::from_code(wanted)?;
    let mut values = [const { None }; capi::FEW];
    for (value, word) in values.iter_mut().zip(arguments) {
        *value = Some(match wanted {
            Wanted::Float => PyFloat::new(py, f64::from_bits(*word as u64)).into_any(),
            _ => pack::int(py, *word),
        });
    }
    word(&capi::call(&callable, &values)?, wanted)
}

/// The same for a result that Java holds.
pub fn call_object(py: Python<'_>, handle: Handle, arguments: &[u8], made: Made) -> Result<Handle> {
    Ok(made.give(called(&callable(py, handle)?, arguments)?))
}

/// The same with up to [`capi::FEW`] ints as arguments, which are not packed.
#[inline]
pub fn call_object_few(py: Python<'_>, handle: Handle, arguments: &[i64], made: Made) -> Result<Handle> {
    let callable = handle::lend(py, handle)?;
    let mut values = [const { None }; capi::FEW];
    set_ints(py, arguments, &mut values);
    let result = match capi::call(&callable, &values) {
        Ok(result) => result,
        Err(raised) if callable.is_callable() => return Err(raised.into()),
        Err(_) => return Err(not_callable(&callable)),
    };
    Ok(made.give(result))
}

/// Makes ints where they are passed from. To copy them from elsewhere, two at a time, waits until each has been written.
#[inline]
fn set_ints<'py>(py: Python<'py>, arguments: &[i64], values: &mut [Option<Bound<'py, PyAny>>; capi::FEW]) {
    for (value, word) in values.iter_mut().zip(arguments) {
        *value = Some(pack::int(py, *word));
    }
}

/// Calls a method of a Java interface with up to [`capi::FEW`] ints, as a plan of `bind` in proxies.py says. A result that is
/// told is not given: then this is 0.
pub fn invoke_few(py: Python<'_>, plan: Handle, arguments: &[i64], frame: Frame) -> Result<Handle> {
    let plan = handle::lend(py, plan)?;
    // The plan keeps its parts: to count references of each takes as long as to read it.
    let plan = plan.cast::<PyTuple>().map_err(PyErr::from)?;
    let (target, other) = (plan.get_borrowed_item(0)?, plan.get_borrowed_item(2)?);
    let names = plan.get_borrowed_item(1)?;
    let names = names.cast::<PyTuple>().map_err(PyErr::from)?;
    let mut values = [const { None }; capi::FEW];
    set_ints(py, arguments, &mut values);
    let mut result = None;
    for name in names.iter_borrowed() {
        if let Some(found) = capi::optional_attribute(&target, &name)? {
            let called = !arguments.is_empty() || found.is_callable();
            result = Some(if called {
                capi::call(&found, &values)?
            } else {
                found
            });
            break;
        }
    }
    let result = match result {
        Some(result) => result,
        None => capi::call(&other, &values)?,
    };
    Ok(if pack::tell(&result) {
        0
    } else {
        handle::give(result, frame)
    })
}

/// How many values [`values_of`] tells at most.
const VALUES: usize = 16;

/// Tells the values of a dict under some names, if it is a dict and all are there and such that they can be told. The request stands in the
/// memory of [`pack::told`]: the object, how many values, and for each how many names it may have, and their handles. For
/// [`stoppable_request`](crate::stop::stoppable_request).
pub fn values_of(py: Python<'_>) -> Result<bool> {
    let mut request = pack::Asked::default();
    let object = handle::lend(py, request.word()?)?;
    let count = request.word()? as usize;
    if count > VALUES {
        return Ok(false);
    }
    // All of it is read before any code runs, which may make a request of its own.
    let mut words = [0; pack::TOLD_WORDS];
    let mut places = words.iter_mut();
    for _ in 0..count {
        let names = request.word()?;
        let all = iter::once(Ok(names)).chain((0..names).map(|_| request.word()));
        for (word, place) in all.zip(&mut places) {
            *place = word?;
        }
    }
    handle::free_late(py);
    let Some(dict) = capi::exactly::<PyDict>(&object) else {
        return Ok(false);
    };
    let mut words = words.into_iter();
    let mut word = || words.next().unwrap_or(0);
    let mut values = [const { None }; VALUES];
    for value in &mut values[..count] {
        for _ in 0..word() {
            let name = handle::lend(py, word())?;
            if value.is_none() {
                *value = dict.get_item(name)?;
            }
        }
        if value.is_none() {
            return Ok(false);
        }
    }
    let mut at = 0;
    for value in values.iter().flatten() {
        let kinds = [Wanted::Int, Wanted::Str, Wanted::Float, Wanted::Bool];
        let told = kinds
            .into_iter()
            .find_map(|kind| pack::tell_wanted(value, kind, at));
        match told.filter(|next| *next <= pack::LAST_TOLD) {
            Some(next) => at = next,
            None => return Ok(false),
        }
    }
    Ok(true)
}

fn callable(py: Python<'_>, handle: Handle) -> Result<Bound<'_, PyAny>> {
    let object = handle::lend(py, handle)?;
    if object.is_callable() {
        Ok(object)
    } else {
        Err(not_callable(&object))
    }
}

fn result<'py>(py: Python<'py>, handle: Handle, arguments: &[u8]) -> Result<Bound<'py, PyAny>> {
    called(&handle::lend(py, handle)?, arguments)
}

/// Few arguments need neither a list nor a tuple.
fn called<'py>(callable: &Bound<'py, PyAny>, arguments: &[u8]) -> Result<Bound<'py, PyAny>> {
    let py = callable.py();
    let mut reader = Reader::new(arguments);
    let count = reader.u32()?;
    if count > capi::FEW {
        let arguments = PyTuple::new(py, values(py, arguments)?).map_err(Error::from)?;
        return Ok(callable.call1(arguments)?);
    }
    let mut few = [const { None }; capi::FEW];
    for value in few.iter_mut().take(count) {
        *value = Some(reader.value(py)?);
    }
    reader.end()?;
    Ok(capi::call(callable, &few)?)
}

/// Packed values: a count, then each of them.
fn values<'py>(py: Python<'py>, packed: &[u8]) -> Result<Vec<Bound<'py, PyAny>>> {
    let mut reader = Reader::new(packed);
    let count = reader.u32()?;
    let mut values = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        values.push(reader.value(py)?);
    }
    reader.end()?;
    Ok(values)
}

macro_rules! operators {
    ($($name:ident = $number:literal,)*) => {
        /// The numbers of the operators, as `Operator.java` has them and tests/pack/numbers.txt.
        pub mod operator {
            $(#[allow(missing_docs)] pub const $name: i32 = $number;)*
            /// All of them.
            pub const ALL: &[(&str, i32)] = &[$((stringify!($name), $number),)*];
        }
    };
}

operators! {
    IDENTITY = 0,
    ITEM = 2,
    SET_ITEM = 3,
    CALL = 4,
    ABS = 5,
    ADD = 6,
    SUB = 7,
    MUL = 8,
    MOD = 9,
    TRUE_DIV = 10,
    FLOOR_DIV = 11,
    MAT_MUL = 12,
    IADD = 13,
    ISUB = 14,
    IMUL = 15,
    ITRUE_DIV = 16,
    IFLOOR_DIV = 17,
    IMAT_MUL = 18,
    LEN = 19,
    TYPE = 20,
    IS_INSTANCE = 21,
    CALLABLE = 22,
    IMPORT = 23,
    BUILTIN = 24,
    GLOBALS = 25,
    TOOL = 29,
}

/// Applies an operator to packed operands. Java holds the result.
pub fn operate(py: Python<'_>, operator: i32, operands: &[u8], made: Made) -> Result<Handle> {
    let operands = values(py, operands)?;
    Ok(made.give(apply(py, operator, &operands)?))
}

fn apply<'py>(py: Python<'py>, operator: i32, operands: &[Bound<'py, PyAny>]) -> Result<Bound<'py, PyAny>> {
    let truth = |value: bool| PyBool::new(py, value).to_owned().into_any();
    Ok(match (operator, operands) {
        (operator::IDENTITY, [value]) => value.clone(),
        (operator::ITEM, [object, key]) => object.get_item(key)?,
        (operator::SET_ITEM, [object, key, value]) => {
            object.set_item(key, value)?;
            py.None().into_bound(py)
        }
        (operator::CALL, [callable, args, kwargs]) => call_with(callable, args, kwargs)?,
        (operator::ABS, [object]) => object.abs()?,
        (operator::ADD, [a, b]) => a.add(b)?,
        (operator::SUB, [a, b]) => a.sub(b)?,
        (operator::MUL, [a, b]) => a.mul(b)?,
        (operator::MOD, [a, b]) => a.rem(b)?,
        (operator::TRUE_DIV, [a, b]) => a.div(b)?,
        (operator::FLOOR_DIV, [a, b]) => a.floor_div(b)?,
        (operator::MAT_MUL, [a, b]) => a.matmul(b)?,
        (operator::IADD, [a, b]) => in_place(py, "iadd", a, b)?,
        (operator::ISUB, [a, b]) => in_place(py, "isub", a, b)?,
        (operator::IMUL, [a, b]) => in_place(py, "imul", a, b)?,
        (operator::ITRUE_DIV, [a, b]) => in_place(py, "itruediv", a, b)?,
        (operator::IFLOOR_DIV, [a, b]) => in_place(py, "ifloordiv", a, b)?,
        (operator::IMAT_MUL, [a, b]) => in_place(py, "imatmul", a, b)?,
        (operator::LEN, [object]) => object.len()?.into_pyobject(py).map_err(PyErr::from)?.into_any(),
        (operator::TYPE, [object]) => object.get_type().into_any(),
        (operator::IS_INSTANCE, [object, types]) => {
            let types = PyTuple::new(py, types.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
            truth(object.is_instance(types.as_any())?)
        }
        (operator::CALLABLE, [object]) => truth(object.is_callable()),
        (operator::IMPORT, [name]) => import(py, text(name)?)?,
        (operator::BUILTIN, [name]) => tools()?.builtins.bind(py).getattr(text(name)?)?,
        (operator::GLOBALS, []) => context::globals(py)?.into_any(),
        (operator::TOOL, [file, name]) => script::tool(py, &text(file)?.to_cow()?, &text(name)?.to_cow()?)?,
        _ => {
            return Err(Error::refused(format!(
                "No operator {operator} with {} operands.",
                operands.len()
            )));
        }
    })
}

fn text<'a, 'py>(name: &'a Bound<'py, PyAny>) -> Result<&'a Bound<'py, PyString>> {
    Ok(name.cast::<PyString>().map_err(PyErr::from)?)
}

/// The module of that dotted name itself, as `importlib.import_module` gives it.
fn import<'py>(py: Python<'py>, name: &Bound<'py, PyString>) -> Result<Bound<'py, PyAny>> {
    path::follow(py)?;
    Ok(py.import(name)?.into_any())
}

fn in_place<'py>(
    py: Python<'py>,
    name: &str,
    a: &Bound<'py, PyAny>,
    b: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyAny>> {
    Ok(py.import("_operator")?.getattr(name)?.call1((a, b))?)
}

fn call_with<'py>(
    callable: &Bound<'py, PyAny>,
    args: &Bound<'py, PyAny>,
    kwargs: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyAny>> {
    if !callable.is_callable() {
        return Err(not_callable(callable));
    }
    let args = if let Ok(list) = args.cast::<PyList>() {
        list.to_tuple()
    } else if let Ok(tuple) = args.cast::<PyTuple>() {
        tuple.clone()
    } else {
        return Err(refused("Expected args to be tuple or list. Received: ", args));
    };
    let kwargs = if kwargs.is_none() {
        None
    } else {
        let dict = kwargs.cast::<PyDict>();
        Some(dict.map_err(|_| refused("Expected kwargs to be dict. Received: ", kwargs))?)
    };
    Ok(callable.call(args, kwargs)?)
}

fn not_callable(object: &Bound<'_, PyAny>) -> Error {
    refused("Object is not callable: ", object)
}

fn refused(what: &str, object: &Bound<'_, PyAny>) -> Error {
    said(object).map_or_else(|stopped| stopped, |said| Error::refused(format!("{what}{said}")))
}
