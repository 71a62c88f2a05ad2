// SPDX-License-Identifier: Apache-2.0
//! The containers whose values are being written: where each has come to.

use super::format::{MANY, Rest, tag};
use crate::{Result, capi};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};

/// A container whose values are still being written.
pub(super) struct Walk<'py> {
    pub(super) tag: u8,
    pub(super) values: Values<'py>,
    pub(super) count: u32,
    pub(super) count_at: usize,
    /// How many came in earlier parts.
    pub(super) before: usize,
}

pub(super) enum Values<'py> {
    /// What is left of a set, a range or the like.
    Of {
        container: Bound<'py, PyAny>,
        iterator: Bound<'py, PyIterator>,
        size: usize,
    },
    /// A list or tuple, of which the next item is that after all that came: so it may change meanwhile, as in a loop of Python's.
    Items(Bound<'py, PyAny>),
    /// What packing calls may run other code, and that may change the dict.
    Dict {
        dict: Bound<'py, PyDict>,
        size: usize,
        position: isize,
        value: Option<Bound<'py, PyAny>>,
    },
}

impl<'py> Walk<'py> {
    pub(super) fn all(tag: u8, container: &Bound<'py, PyAny>) -> Result<Self> {
        let values = Values::Of {
            container: container.clone(),
            iterator: container.try_iter()?,
            size: container.len().unwrap_or(0), // of a range that is too long for anything
        };
        Ok(Walk::new(tag, values, 0))
    }

    /// What an iterator has left, which knows where it is.
    pub(super) fn going_on(iterator: &Bound<'py, PyIterator>, rest: Rest) -> Self {
        let values = Values::Of {
            container: iterator.clone().into_any(),
            iterator: iterator.clone(),
            size: rest.total,
        };
        Walk::new(tag::LIST, values, rest.done)
    }

    /// Whether it is a dict or a set of many.
    pub(super) fn is_long(&self) -> bool {
        match &self.values {
            Values::Of { size, .. } | Values::Dict { size, .. } => *size > MANY,
            Values::Items(_) => false,
        }
    }

    /// The container; nothing if some of it has gone in earlier parts.
    pub(super) fn whole(&self) -> Option<Bound<'py, PyAny>> {
        (self.before == 0).then(|| match &self.values {
            Values::Of { container, .. } | Values::Items(container) => container.clone(),
            Values::Dict { dict, .. } => dict.clone().into_any(),
        })
    }

    /// Whether this is it, and not an iterator over it.
    pub(super) fn is_of(&self, object: &Bound<'py, PyAny>) -> bool {
        match &self.values {
            Values::Of { container, .. } | Values::Items(container) => container.is(object),
            Values::Dict { dict, .. } => dict.is(object),
        }
    }

    pub(super) fn items(tag: u8, container: &Bound<'py, PyAny>, from: usize) -> Self {
        Walk::new(tag, Values::Items(container.clone()), from)
    }

    pub(super) fn new(tag: u8, values: Values<'py>, before: usize) -> Self {
        Walk {
            tag,
            values,
            count: 0,
            count_at: 0,
            before,
        }
    }

    /// The container, or an iterator over it, and what is left of it, if others can go on from there.
    pub(super) fn left(&self) -> Option<(Bound<'py, PyAny>, Rest)> {
        let done = self.before + self.count as usize;
        match &self.values {
            Values::Of { iterator, size, .. } => {
                Some((iterator.clone().into_any(), Rest::of_list(done, *size)))
            }
            Values::Items(container) => {
                let rest = Rest::of_list(done, container.len().ok()?);
                Some((container.clone(), rest))
            }
            Values::Dict {
                dict,
                size,
                position,
                value: None,
            } => {
                let (position, total) = (*position, *size);
                Some((
                    dict.clone().into_any(),
                    Rest {
                        position,
                        done,
                        total,
                    },
                ))
            }
            _ => None,
        }
    }

    pub(super) fn dict(dict: &Bound<'py, PyDict>) -> Self {
        let values = Values::Dict {
            dict: dict.clone(),
            size: dict.len(),
            position: 0,
            value: None,
        };
        Walk::new(tag::DICT, values, 0)
    }

    pub(super) fn next(&mut self) -> Result<Option<Bound<'py, PyAny>>> {
        let done = self.before + self.count as usize;
        match &mut self.values {
            Values::Items(container) => {
                let item = capi::item_at(container, done);
                self.count += u32::from(item.is_some());
                Ok(item)
            }
            Values::Of { iterator, .. } => match iterator.next() {
                Some(item) => {
                    self.count += 1;
                    Ok(Some(item?))
                }
                None => Ok(None),
            },
            Values::Dict {
                dict,
                size,
                position,
                value,
            } => {
                if let Some(value) = value.take() {
                    return Ok(Some(value));
                }
                let entry = capi::next_entry(dict, position);
                let over = entry.is_none() == (done == *size);
                if dict.len() != *size || !over {
                    let text = "dictionary changed size during iteration";
                    return Err(PyRuntimeError::new_err(text).into());
                }
                Ok(entry.map(|(key, next)| {
                    self.count += 1;
                    *value = Some(next);
                    key
                }))
            }
        }
    }
}
