// SPDX-License-Identifier: Apache-2.0
//! The table of the Python objects that Java holds, the frames that collect them, and the list of objects that Java
//! has forgotten. A thread inside Python frees the objects of this list.
//!
//! A handle is a generation-checked key, never an address: a stale or invented handle is an error. The handle 0 means
//! no object, and for frames it means no frame. The table's lock is held for a few instructions and never while
//! Python code runs: objects are taken out of the table under the lock and dropped after it is released.

use crate::{Error, Result, capi, inject};
use parking_lot::Mutex;
use pyo3::prelude::*;
use slotmap::{Key, KeyData, SlotMap, new_key_type};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A Python object held by Java.
pub type Handle = u64;

/// A `PythonGC` frame; [`NO_FRAME`] is none.
pub type Frame = u64;

/// The frame of objects that belong to no frame, and to no host.
pub const NO_FRAME: Frame = 0;

/// The frame that a host's objects have which are in no frame of `PythonGC`. It is never opened, so objects can
/// be told by it at no cost; [`close_host`] gives them back.
pub const fn root(host: u32) -> Frame {
    ROOTS | host as Frame
}

const ROOTS: Frame = 0x8000_0001 << 32;

/// Stands for the frame of a caller in another process, who can hold no objects: nothing is ever given to it (`pack.rs`).
pub const APART: Frame = Frame::MAX;

new_key_type! {
    struct ObjectKey;
    struct FrameKey;
}

struct Held {
    object: Py<PyAny>,
    frame: FrameKey,
}

#[derive(Default)]
struct Table {
    objects: SlotMap<ObjectKey, Held>,
    frames: SlotMap<FrameKey, Opened>,
}

struct Opened {
    /// Who opened it.
    root: Frame,
    members: Vec<ObjectKey>,
}

type Action = Box<dyn FnOnce(Python<'_>) + Send>;

#[derive(Default)]
struct Late {
    objects: Vec<Handle>,
    frames: Vec<Frame>,
    others: Vec<Action>,
}

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);
static LATE: LazyLock<Mutex<Late>> = LazyLock::new(Mutex::default);
/// Whether anything is in `LATE`. Set after something was put there, and cleared with the list locked: so what is there was put
/// there before the flag was set, or sets it again. Who reads it too early leaves it to the next thread.
static LATE_WAITS: AtomicBool = AtomicBool::new(false);

fn object_key(handle: Handle) -> ObjectKey {
    KeyData::from_ffi(handle).into()
}

fn frame_key(frame: Frame) -> FrameKey {
    KeyData::from_ffi(frame).into()
}

impl Table {
    /// Puts an object that is in the table into its frame. Gives it back if that has closed, by the very call that made
    /// the object, say: nobody else would.
    fn join(&mut self, key: ObjectKey, frame: FrameKey) -> Option<Held> {
        if let Some(opened) = self.frames.get_mut(frame) {
            opened.members.push(key);
            return None;
        }
        let number = frame.data().as_ffi();
        let was_opened = number != frame_key(NO_FRAME).data().as_ffi() && number & ROOTS != ROOTS;
        if was_opened {
            self.objects.remove(key)
        } else {
            None
        }
    }

    fn close(&mut self, frame: Frame) -> Vec<Py<PyAny>> {
        let frame = frame_key(frame);
        let Some(Opened { members, .. }) = self.frames.remove(frame) else {
            return Vec::new();
        };
        // A member that was kept elsewhere since then, or is gone, is not this frame's any more.
        members
            .into_iter()
            .filter_map(|key| match self.objects.get(key) {
                Some(held) if held.frame == frame => self.objects.remove(key),
                _ => None,
            })
            .map(|held| held.object)
            .collect()
    }
}

/// Java holds the object from now on, until its frame closes or the handle is dropped.
/// With a frame that is closed already the handle is stale at once.
pub fn give(object: Bound<'_, PyAny>, frame: Frame) -> Handle {
    let (frame, object) = (frame_key(frame), object.unbind());
    let mut table = TABLE.lock();
    inject::point(); // with the lock held
    let key = table.objects.insert(Held { object, frame });
    let left = table.join(key, frame);
    drop(table);
    drop(left);
    key.data().as_ffi()
}

/// The object behind a handle, for the length of a call.
pub fn lend(py: Python<'_>, handle: Handle) -> Result<Bound<'_, PyAny>> {
    match TABLE.lock().objects.get(object_key(handle)) {
        Some(held) => Ok(held.object.bind(py).clone()),
        None => Err(Error::StaleHandle),
    }
}

/// Java holds the object at an address that it got elsewhere; see [`capi::adopt`].
pub fn adopt(py: Python<'_>, address: usize, owned: bool, frame: Frame) -> Result<Handle> {
    match capi::adopt(py, address, owned) {
        Some(object) => Ok(give(object, frame)),
        None => Err(Error::refused("The address of the object is null.")),
    }
}

/// Java gives an object back. A handle that is gone already is fine.
pub fn take_back(_py: Python<'_>, handle: Handle) {
    let held = TABLE.lock().objects.remove(object_key(handle));
    drop(held);
}

/// The same without Python: the object waits for the next thread inside.
pub fn take_back_late(handle: Handle) {
    LATE.lock().objects.push(handle);
    LATE_WAITS.store(true, Ordering::Release);
}

/// Opens a frame of a host, which [`root`] names. Needs no Python.
pub fn open_frame(root: Frame) -> Frame {
    let members = Vec::new();
    TABLE
        .lock()
        .frames
        .insert(Opened { root, members })
        .data()
        .as_ffi()
}

/// Frees every object of a host, and closes its frames.
pub fn close_host(_py: Python<'_>, root: Frame) {
    let mut table = TABLE.lock();
    let frames: Vec<_> = (table.frames.iter())
        .filter(|(_, opened)| opened.root == root)
        .map(|(key, _)| key.data().as_ffi())
        .collect();
    let mut objects: Vec<_> = frames.into_iter().flat_map(|frame| table.close(frame)).collect();
    let own: Vec<_> = (table.objects.iter())
        .filter(|(_, held)| held.frame == frame_key(root))
        .map(|(key, _)| key)
        .collect();
    objects.extend(
        own.into_iter()
            .filter_map(|key| table.objects.remove(key))
            .map(|held| held.object),
    );
    drop(table);
    drop(objects);
}

/// Closes a frame and frees every object in it.
pub fn close_frame(_py: Python<'_>, frame: Frame) {
    let objects = TABLE.lock().close(frame);
    drop(objects);
}

/// The same without Python.
pub fn close_frame_late(frame: Frame) {
    LATE.lock().frames.push(frame);
    LATE_WAITS.store(true, Ordering::Release);
}

/// Moves an object to another frame, or out of all.
pub fn move_to(handle: Handle, frame: Frame) -> Result<()> {
    let mut table = TABLE.lock();
    let key = object_key(handle);
    let frame = frame_key(frame);
    let held = table.objects.get_mut(key).ok_or(Error::StaleHandle)?;
    if held.frame == frame {
        return Ok(());
    }
    held.frame = frame;
    if let Some(left) = table.join(key, frame) {
        LATE.lock().others.push(Box::new(move |_| drop(left)));
        LATE_WAITS.store(true, Ordering::Release);
    }
    Ok(())
}

/// Has the next thread that enters Python do something, before what it came for.
pub fn do_late(what: impl FnOnce(Python<'_>) + Send + 'static) {
    LATE.lock().others.push(Box::new(what));
    LATE_WAITS.store(true, Ordering::Release);
}

/// Frees what [`take_back_late`] and [`close_frame_late`] left.
#[inline]
pub fn free_late(py: Python<'_>) {
    if LATE_WAITS.load(Ordering::Acquire) {
        free_waiting(py);
    }
}

#[cold]
fn free_waiting(py: Python<'_>) {
    let late = {
        let mut late = LATE.lock();
        LATE_WAITS.store(false, Ordering::Release);
        std::mem::take(&mut *late)
    };
    late.objects.into_iter().for_each(|h| take_back(py, h));
    late.frames.into_iter().for_each(|f| close_frame(py, f));
    late.others.into_iter().for_each(|what| what(py));
}

/// How many objects Java holds.
pub fn count() -> usize {
    TABLE.lock().objects.len()
}

/// How many places the table of objects has: the lower half of a handle is less.
pub fn places() -> usize {
    TABLE.lock().objects.capacity() + 1
}

/// How many frames are open.
pub fn frame_count() -> usize {
    TABLE.lock().frames.len()
}
