// SPDX-License-Identifier: Apache-2.0
//! The containers whose values are being written: where each has come to.

use super::format::{Rest, tag};
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
    Of(Bound<'py, PyIterator>),
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
        Ok(Walk::new(tag, Values::Of(container.try_iter()?), 0))
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

    /// The container and what is left of it, if others can go on from there.
    pub(super) fn left(&self) -> Option<(Bound<'py, PyAny>, Rest)> {
        let done = self.before + self.count as usize;
        match &self.values {
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
            Values::Of(iterator) => match iterator.next() {
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
