// SPDX-License-Identifier: Apache-2.0
//! One function for each line of `Native.java`, in the same order (tests/rust/native_table.rs compares them).
//! Each function copies its arguments in, calls the core inside Python, and copies the result out.

use crate::bulk::{copy_bytes, copy_request, is_direct, java_value, write_reply, JavaText};
use crate::failure::Failure;
use crate::guard::{backtrace, guard, hidden, thrown};
use crate::host;
use crate::{boot, owner, process, shared, watch};
use bytemuck::cast_slice_mut;
use jni::objects::{JByteArray, JLongArray, JObject, JObjectArray, JString};
use jni::JNIEnv;
use python4j_core::buffer::{self, Memory};
use python4j_core::interpreter::{self, Config};
use python4j_core::object::Made;
use python4j_core::stop::{
    self, quick_or_stoppable, stoppable, stoppable_after, stoppable_briefly, stoppable_request, Reason,
};
use python4j_core::{
    array, arrow, bulk, callback, capi, context, exec, gil, handle, object, pack, queue, raised, stacks,
};

/// Exports `Native.name`. The body runs inside the guard and may use `?`.
///
/// With the feature `toolbox` the exported name and the conversions of arguments are jni-toolbox's;
/// without it they are written here.
macro_rules! export {
    ($(#[$note:meta])* fn $name:ident($env:ident $(, $arg:ident: $kind:ty)* $(,)?) $(-> $out:ty)? $body:block) => {
        $(#[$note])*
        #[allow(non_snake_case, clippy::too_many_arguments)]
        #[cfg_attr(
            feature = "toolbox",
            jni_toolbox::jni(package = "org.nd4j.python4j.internal.jni", class = "Native")
        )]
        fn $name<'local>($env: &mut JNIEnv<'local> $(, $arg: $kind)*) $(-> $out)? {
            guard($env, |$env| { let _ = &$env; $body })
        }

        #[cfg(not(feature = "toolbox"))]
        const _: () = {
            #[export_name = concat!("Java_org_nd4j_python4j_internal_jni_Native_", stringify!($name))]
            extern "system" fn exported<'local>(
                mut env: JNIEnv<'local>,
                _class: jni::objects::JClass<'local>
                $(, $arg: $kind)*
            ) $(-> $out)? {
                $name(&mut env $(, $arg)*)
            }
        };
    };
}

// ---- interpreter.rs ----

export! {
    fn interpreterStart(env, program: JString<'local>, prepend: JObjectArray<'local>, append: JObjectArray<'local>, environment: JObjectArray<'local>, compiled: JString<'local>, initialize: bool, release: bool, huge: i32) -> i64 {
        let config = Config {
            program: text(env, &program)?,
            prepend: texts(env, &prepend)?,
            append: texts(env, &append)?,
            environment: texts(env, &environment)?,
            compiled: text(env, &compiled)?,
            initialize,
            release,
            huge_pages: (huge >= 0).then_some(huge > 0),
            alone: false,
        };
        let host = host::open(env)?;
        watch::start(env, boot::at_exit).and_then(|()| Ok(interpreter::start(&config)?)).inspect_err(|_| host.close())?;
        watch::await_start();
        Ok(host.root() as i64)
    }
}

export! {
    fn interpreterStop(env) {
        gil::with(interpreter::stop);
        Ok(())
    }
}

// ---- gil.rs ----

export! {
    fn gilTurns(env, turns: JObject<'local>) -> JObject<'local> {
        owner::turns(env, &turns)
    }
}

export! {
    fn gilPlace(env) -> i32 {
        Ok(gil::place() as i32)
    }
}

export! {
    fn gilAcquire(env) -> i32 {
        Ok(gil::acquire() as i32)
    }
}

export! {
    fn gilTryAcquire(env, keep: bool) -> i32 {
        Ok(gil::try_acquire(keep).map_or(-1, |place| place as i32))
    }
}

export! {
    fn gilHasOthers(env) -> bool {
        Ok(gil::has_others())
    }
}

export! {
    fn gilOffer(env) {
        gil::offer();
        Ok(())
    }
}

export! {
    fn gilOfferTaken(env) {
        gil::offer_taken();
        Ok(())
    }
}

export! {
    fn gilOfferEnds(env) {
        gil::offer_ends();
        Ok(())
    }
}

export! {
    fn gilLend(env, lent: bool) {
        gil::lend(lent);
        Ok(())
    }
}

export! {
    fn gilHidden(env, object: JObject<'local>, owner: JString<'local>, field: JString<'local>, kind: JString<'local>) -> JObject<'local> {
        let (owner, field, kind) = (text(env, &owner)?, text(env, &field)?, text(env, &kind)?);
        Ok(hidden(env, &object, &owner, &field, &kind)?)
    }
}

export! {
    fn gilAwaitHolder(env) {
        Ok(gil::await_holder()?)
    }
}

export! {
    fn gilRelease(env) {
        gil::release();
        Ok(())
    }
}

export! {
    fn gilAbandon(env) {
        gil::abandon();
        Ok(())
    }
}

export! {
    fn gilHeld(env) -> bool {
        Ok(capi::gil_held())
    }
}

export! {
    fn gilWaited(env, measure: bool) -> i64 {
        Ok(gil::waited(measure))
    }
}

// ---- handle.rs ----

export! {
    fn handleOpenFrame(env, root: i64) -> i64 {
        Ok(handle::open_frame(root as u64) as i64)
    }
}

export! {
    fn handleCloseFrame(env, frame: i64) {
        gil::with(|py| handle::close_frame(py, frame as u64));
        Ok(())
    }
}

export! {
    fn handleCloseFrameLater(env, frame: i64) {
        handle::close_frame_late(frame as u64);
        Ok(())
    }
}

export! {
    fn handleMove(env, handle: i64, frame: i64) {
        Ok(gil::with(|py| handle::move_to(py, handle as u64, frame as u64))?)
    }
}

export! {
    fn handleMoveLater(env, handle: i64, frame: i64) {
        handle::move_late(handle as u64, frame as u64);
        Ok(())
    }
}

export! {
    fn handleDrop(env, handle: i64) {
        gil::briefly(|py| {
            handle::free_late(py);
            handle::take_back(py, handle as u64);
        });
        Ok(())
    }
}

export! {
    fn handleDropLater(env, handle: i64) {
        handle::take_back_late(handle as u64);
        Ok(())
    }
}

export! {
    fn handleAddress(env, handle: i64) -> i64 {
        Ok(gil::with(|py| handle::lend(py, handle as u64).map(|object| object.as_ptr() as i64))?)
    }
}

export! {
    fn handleAdopt(env, address: i64, owned: bool, frame: i64) -> i64 {
        Ok(gil::with(|py| handle::adopt(py, address as usize, owned, frame as u64))? as i64)
    }
}

export! {
    fn handleIncRef(env, address: i64) {
        gil::with(|py| capi::change_reference_count(py, address as usize, 1));
        Ok(())
    }
}

export! {
    fn handleDecRef(env, address: i64) {
        gil::with(|py| capi::change_reference_count(py, address as usize, -1));
        Ok(())
    }
}

export! {
    fn handleCount(env) -> i32 {
        Ok(handle::count() as i32)
    }
}

export! {
    fn handlePlaces(env) -> i32 {
        Ok(i32::try_from(handle::places()).unwrap_or(i32::MAX))
    }
}

export! {
    fn handleFrameCount(env) -> i32 {
        Ok(handle::frame_count() as i32)
    }
}

// ---- bulk.rs ----

export! {
    fn bulkText(env, text: JString<'local>) -> i64 {
        let text = JavaText::new(env, &text)?;
        Ok(gil::with(|py| bulk::give_text(py, &text))? as i64)
    }
}

export! {
    fn bulkBytes(env, bytes: JByteArray<'local>) -> i64 {
        let length = env.get_array_length(&bytes)? as usize;
        // SAFETY: `copy_bytes` writes all, or fails.
        let given = gil::with(|py| unsafe { bulk::give_bytes(py, length, |room| copy_bytes(env, &bytes, 0, room)) });
        Ok(given? as i64)
    }
}

export! {
    fn bulkTake(env, handle: i64, reader: JObject<'local>, frame: i64) -> JObject<'local> {
        gil::with(|py| bulk::take(py, handle as u64, |value| match value {
            // Inside twice, so the GIL is kept until Java has read all of it.
            bulk::Value::Container(container) => {
                let first = gil::with(|_| pack::first(container, frame as u64))?;
                let first = write(env, first, pack::forget)?;
                host::read(env, &reader, &first)
            }
            value => java_value(env, value),
        }))?
    }
}

export! {
    fn bulkAdd(env, container: i64, kind: i32, values: JByteArray<'local>, from: i32, length: i32, total: i32) -> i64 {
        let length = length.max(0) as usize;
        let mut bytes = pack::buffer(length)?;
        env.get_byte_array_region(&values, from, cast_slice_mut(&mut bytes[..length]))?;
        let total = usize::try_from(total).ok();
        let added = gil::with(|py| pack::add(py, container as u64, kind as u8, &bytes[..length], total));
        pack::give_back(bytes);
        Ok(added? as i64)
    }
}

export! {
    fn bulkMore(env, container: i64, position: i64, done: i32, total: i32, deep: bool, room: JByteArray<'local>, frame: i64) -> JByteArray<'local> {
        let (position, done, total) = (position as isize, done as usize, total as usize);
        let rest = pack::Rest { position, done, total };
        let part = gil::with(|py| pack::more(py, container as u64, rest, deep, frame as u64))?;
        answer(env, room, 0, part)
    }
}

export! {
    fn bulkDirect(env) -> bool {
        Ok(is_direct(env) && gil::with(bulk::is_direct))
    }
}

// ---- queue.rs ----

export! {
    fn queueSend(env, queue: i64, message: JByteArray<'local>, length: i32, now: bool, context: bool) {
        Ok(read(env, &message, length, |message| queue::send(queue as u64, message, now, context))??)
    }
}

export! {
    fn queueWaiting(env, queue: i64) -> i32 {
        Ok(queue::waiting(queue as u64).map_or(-1, |count| count as i32))
    }
}

// ---- exec.rs ----

export! {
    fn execRun(env, request: JByteArray<'local>, length: i32, frame: i64, call: i64, space: i64) -> JByteArray<'local> {
        let reply = read(env, &request, length, |request| {
            stoppable(call as u64, |py| exec::run(py, request, frame as u64, space as u64))
        })?;
        match reply? {
            Some(reply) => answer(env, request, length, reply),
            None => Ok(JByteArray::default()),
        }
    }
}

export! {
    fn execCode(env, code: i64, call: i64, space: i64) -> JObject<'local> {
        let outcome = stoppable_briefly(call as u64, None, |py| exec::run_held(py, code as u64, space as u64));
        thrown(env, outcome)
    }
}

export! {
    fn execFew(env, call: i64) -> JObject<'local> {
        let outcome = stoppable_request(call as u64, exec::run_few);
        thrown(env, outcome)
    }
}

export! {
    fn execVariables(env, frame: i64, space: i64) -> JByteArray<'local> {
        let reply = gil::with(|py| exec::variables(py, frame as u64, space as u64))?;
        write(env, reply, pack::forget_named)
    }
}

export! {
    fn execKept(env) -> i32 {
        Ok(exec::kept() as i32)
    }
}

// ---- context.rs ----

export! {
    fn contextAdd(env, name: JString<'local>, root: i64) {
        let name = text(env, &name)?;
        gil::with(|py| context::add(py, &name))?;
        context::use_by(&name, root as u64);
        Ok(())
    }
}

export! {
    fn contextSwitch(env, name: JString<'local>, root: i64) {
        let name = text(env, &name)?;
        gil::with(|py| context::switch(py, &name))?;
        context::use_by(&name, root as u64);
        Ok(())
    }
}

export! {
    fn contextReset(env, space: i64) {
        Ok(gil::with(|py| context::reset(py, space as u64))?)
    }
}

export! {
    fn contextDelete(env, name: JString<'local>) {
        let name = text(env, &name)?;
        Ok(gil::with(|py| context::delete(py, &name))?)
    }
}

export! {
    fn contextCurrent(env) -> JString<'local> {
        Ok(env.new_string(context::current())?)
    }
}

export! {
    fn contextNames(env) -> JByteArray<'local> {
        write(env, pack::texts(&context::names()), |_| ())
    }
}

export! {
    fn contextOpenSpace(env) -> i64 {
        Ok(gil::with(context::open_space)? as i64)
    }
}

export! {
    fn contextCloseSpace(env, space: i64) {
        gil::with(|py| context::close_space(py, space as u64));
        Ok(())
    }
}

// ---- object.rs ----

export! {
    fn objectTold(env) -> JObject<'local> {
        let (address, length) = pack::told();
        owner::wrap(env, address as i64, length as i64)
    }
}

export! {
    fn objectOperate(env, operator: i32, operands: JByteArray<'local>, length: i32, frame: i64, call: i64, left: i64) -> i64 {
        let (made, left) = made(frame, left);
        let result = read(env, &operands, length, |operands| {
            stoppable_after(call as u64, left, |py| object::operate(py, operator, operands, made))
        })?;
        Ok(result? as i64)
    }
}

export! {
    fn objectName(env, name: JByteArray<'local>, length: i32, root: i64) -> i64 {
        let name = read(env, &name, length, |name| gil::with(|py| object::name(py, name, root as u64)))?;
        Ok(name? as i64)
    }
}

export! {
    fn objectAttribute(env, handle: i64, name: i64, frame: i64, call: i64, left: i64) -> i64 {
        let (made, left) = made(frame, left);
        let result = stoppable_briefly(call as u64, left, |py| object::attribute(py, handle as u64, name as u64, made));
        Ok(result? as i64)
    }
}

export! {
    fn objectItem(env, handle: i64, index: i64, frame: i64, call: i64, left: i64) -> i64 {
        let (made, left) = made(frame, left);
        let result = quick_or_stoppable(
            call as u64,
            left,
            |py| object::list_item(py, handle as u64, index, made),
            |py| object::item(py, handle as u64, index, made),
        );
        Ok(result? as i64)
    }
}

export! {
    fn objectNext(env, handle: i64, frame: i64, call: i64, left: i64) -> i64 {
        let (made, left) = made(frame, left);
        let result = quick_or_stoppable(
            call as u64,
            left,
            |py| object::list_next(py, handle as u64, made),
            |py| object::next(py, handle as u64, made),
        );
        Ok(result? as i64)
    }
}

export! {
    fn objectValues(env, call: i64) -> bool {
        Ok(stoppable_request(call as u64, object::values_of)?)
    }
}

export! {
    fn objectConvert(env, handle: i64, wanted: i32, frame: i64, call: i64) -> JByteArray<'local> {
        let reply = stoppable(call as u64, |py| object::convert(py, handle as u64, wanted as u8, frame as u64))?;
        write(env, reply, pack::forget)
    }
}

export! {
    fn objectConvertWord(env, handle: i64, wanted: i32, call: i64) -> i64 {
        Ok(stoppable_briefly(call as u64, None, |py| object::convert_word(py, handle as u64, wanted as u8))?)
    }
}

export! {
    fn objectCall(env, handle: i64, arguments: JByteArray<'local>, length: i32, wanted: i32, frame: i64, call: i64) -> JByteArray<'local> {
        let reply = read(env, &arguments, length, |arguments| {
            stoppable(call as u64, |py| object::call(py, handle as u64, arguments, wanted as u8, frame as u64))
        })?;
        answer(env, arguments, length, reply?)
    }
}

export! {
    fn objectCallWord(env, handle: i64, arguments: JByteArray<'local>, length: i32, wanted: i32, call: i64) -> i64 {
        let result = read(env, &arguments, length, |arguments| {
            stoppable(call as u64, |py| object::call_word(py, handle as u64, arguments, wanted as u8))
        })?;
        Ok(result?)
    }
}

export! {
    fn objectCallObject(env, handle: i64, arguments: JByteArray<'local>, length: i32, frame: i64, call: i64, left: i64) -> i64 {
        let (made, left) = made(frame, left);
        let result = read(env, &arguments, length, |arguments| {
            stoppable_after(call as u64, left, |py| object::call_object(py, handle as u64, arguments, made))
        })?;
        Ok(result? as i64)
    }
}

export! {
    fn objectCallObjectFew(env, handle: i64, count: i32, a: i64, b: i64, c: i64, frame: i64, call: i64, left: i64) -> i64 {
        let (made, left) = made(frame, left);
        let arguments = &[a, b, c][..count.clamp(0, 3) as usize];
        let result = stoppable_briefly(call as u64, left, |py| object::call_object_few(py, handle as u64, arguments, made));
        Ok(result? as i64)
    }
}

export! {
    fn objectInvokeFew(env, plan: i64, count: i32, a: i64, b: i64, c: i64, frame: i64, call: i64) -> i64 {
        let arguments = &[a, b, c][..count.clamp(0, 3) as usize];
        let result = stoppable_briefly(call as u64, None, |py| object::invoke_few(py, plan as u64, arguments, frame as u64));
        Ok(result? as i64)
    }
}

export! {
    fn objectCallFew(env, handle: i64, count: i32, a: i64, b: i64, c: i64, wanted: i32, call: i64) -> i64 {
        let arguments = &[a, b, c][..count.clamp(0, 3) as usize];
        Ok(stoppable_briefly(call as u64, None, |py| object::call_few(py, handle as u64, arguments, wanted as u8))?)
    }
}

// ---- buffer.rs ----

export! {
    fn bufferMake(env, address: i64, element: i32, layout: JLongArray<'local>, read_only: bool, owner: JObject<'local>, frame: i64) -> i64 {
        let memory = memory(env, address, element, &layout, read_only)?;
        let owner = owner::keep(env, &owner)?;
        Ok(gil::with(|py| buffer::give(py, memory, owner, frame as u64))? as i64)
    }
}

export! {
    fn bufferAgain(env, handle: i64, frame: i64) -> i64 {
        Ok(gil::with(|py| buffer::again(py, handle as u64, frame as u64))? as i64)
    }
}

export! {
    fn bufferView(env, handle: i64) -> JLongArray<'local> {
        let layout = gil::with(|py| buffer::lend(py, handle as u64))?;
        kept(env, &layout)
    }
}

export! {
    fn bufferAllocate(env, element: i32, shape: JLongArray<'local>) -> JLongArray<'local> {
        let shape = longs(env, &shape)?;
        let layout = gil::with(|py| buffer::give_new(py, element as u8, &shape))?;
        kept(env, &layout)
    }
}

export! {
    fn bufferWrap(env, address: i64, length: i64) -> JObject<'local> {
        owner::wrap(env, address, length)
    }
}

export! {
    fn bufferAddress(env, buffer: JObject<'local>) -> i64 {
        #[allow(clippy::disallowed_methods)] // the one place
        let address = env.get_direct_buffer_address(&buffer.into())?;
        Ok(address as i64)
    }
}

// ---- array.rs ----

export! {
    fn arrayImport(env) {
        Ok(gil::with(array::import)?)
    }
}

export! {
    fn arrayMake(env, address: i64, element: i32, layout: JLongArray<'local>, read_only: bool, owner: JObject<'local>, ctypes: bool, frame: i64) -> i64 {
        let memory = memory(env, address, element, &layout, read_only)?;
        let owner = owner::keep(env, &owner)?;
        Ok(gil::with(|py| array::give(py, memory, owner, ctypes, frame as u64))? as i64)
    }
}

export! {
    fn arrayAgain(env, handle: i64, frame: i64) -> i64 {
        Ok(gil::with(|py| array::again(py, handle as u64, frame as u64))? as i64)
    }
}

export! {
    fn arrayView(env, handle: i64) -> JLongArray<'local> {
        let layout = gil::with(|py| array::lend(py, handle as u64))?;
        kept(env, &layout)
    }
}

// ---- arrow.rs ----

export! {
    fn arrowGive(env, numbers: JLongArray<'local>, key: i64, earlier: i64, schema: i64, table: bool, frame: i64) -> i64 {
        let (numbers, key) = (longs(env, &numbers)?, (key as u64, host::upcall(key as u64)?));
        let schema = (earlier as u64, schema as usize);
        Ok(gil::with(|py| arrow::give(py, &numbers, key, schema, table, frame as u64))? as i64)
    }
}

export! {
    fn arrowGiveReader(env, key: i64, schema: i64, frame: i64) -> i64 {
        let key = (key as u64, host::upcall(key as u64)?);
        Ok(gil::with(|py| arrow::give_reader(py, key, schema as usize, frame as u64))? as i64)
    }
}

export! {
    fn arrowGiveBatch(env, numbers: JLongArray<'local>, key: i64, wanted: i64) {
        let (numbers, key) = (longs(env, &numbers)?, (key as u64, host::upcall(key as u64)?));
        Ok(arrow::give_batch(&numbers, key, wanted as usize)?)
    }
}

export! {
    fn arrowOpen(env, handle: i64, call: i64) -> i64 {
        Ok(stoppable(call as u64, |py| arrow::open(py, handle as u64))? as i64)
    }
}

export! {
    fn arrowSchema(env, handle: i64, out: i64, known: i64, call: i64) -> i64 {
        Ok(stoppable(call as u64, |py| arrow::schema(py, handle as u64, out as usize, known as u64))? as i64)
    }
}

export! {
    fn arrowNext(env, handle: i64, table: bool, call: i64) -> JLongArray<'local> {
        let Some(batch) = stoppable(call as u64, |py| arrow::next(py, handle as u64, table))? else {
            return Ok(JLongArray::default());
        };
        let numbers = env.new_long_array(batch.numbers().len() as i32)?;
        env.set_long_array_region(&numbers, 0, batch.numbers())?;
        batch.keep();
        Ok(numbers)
    }
}

export! {
    fn arrowRelease(env, key: i64) {
        // SAFETY: Java has the key from arrowNext, and gives it back once.
        unsafe { arrow::release(key) };
        Ok(())
    }
}

export! {
    fn arrowClose(env, handle: i64, call: i64) {
        Ok(stoppable(call as u64, |py| arrow::close(py, handle as u64))?)
    }
}

export! {
    fn arrowArray(env, address: i64, element: i32, count: i64, key: i64, frame: i64) -> i64 {
        let key = (key as u64, host::upcall(key as u64)?);
        Ok(gil::with(|py| arrow::give_array(py, address as usize, element as u8, count, key, frame as u64))? as i64)
    }
}

// ---- shared.rs ----

export! {
    fn sharedMake(env, length: i64) -> JLongArray<'local> {
        let block = shared::make(length)?;
        block_of(env, &block)
    }
}

export! {
    fn sharedAgain(env, key: i64) -> JLongArray<'local> {
        let block = shared::again(key as u64)?;
        block_of(env, &block)
    }
}

export! {
    fn sharedFill(env, key: i64, address: i64, length: i64) {
        shared::fill(key as u64, address, length)
    }
}

export! {
    fn sharedWrite(env, key: i64, at: i64, bytes: JByteArray<'local>, from: i32, to: i32) {
        let block = shared::block(key as u64)?;
        let room = shared::room(&block, at, i64::from(to) - i64::from(from))?;
        Ok(env.get_byte_array_region(&bytes, from, room)?)
    }
}

export! {
    fn sharedRead(env, key: i64, at: i64, length: i64) -> JByteArray<'local> {
        let block = shared::block(key as u64)?;
        let bytes = shared::filled(&block, at, length)?;
        Ok(env.byte_array_from_slice(bytes)?)
    }
}

export! {
    fn sharedDrop(env, key: i64) {
        shared::drop(key as u64);
        Ok(())
    }
}

// ---- raised.rs ----

export! {
    fn raisedReport(env, handle: i64, frame: i64) -> JByteArray<'local> {
        let report = gil::with(|py| raised::report_of(py, handle as u64, frame as u64))?;
        write(env, report, pack::forget)
    }
}

export! {
    fn raisedBacktrace(env, throwable: JObject<'local>) -> JObject<'local> {
        Ok(backtrace(env, &throwable)?)
    }
}

export! {
    fn raisedElsewhere(env, key: i64) -> JObject<'local> {
        host::told(env, key as u64)
    }
}

// ---- stop.rs ----

export! {
    fn stopCall(env, call: i64, reason: i32) -> bool {
        let reason = if reason == 0 { Reason::Interrupted } else { Reason::Timeout };
        Ok(gil::inside(|py| stop::stop(py, call as u64, reason))?)
    }
}

export! {
    fn stopSlot(env) -> i64 {
        Ok(stop::new_slot_number() as i64)
    }
}

// ---- watch.rs ----

export! {
    fn watchWake(env) {
        watch::start(env, boot::at_exit)?;
        watch::wake(env);
        Ok(())
    }
}

// ---- boot.rs ----

export! {
    fn bootBean(env, name: JString<'local>) {
        let name = text(env, &name)?;
        boot::register_bean(env, name)
    }
}

// ---- host.rs ----

export! {
    fn hostClose(env, root: i64) {
        host::close(root as u64);
        gil::with(|_| ());
        Ok(())
    }
}

// ---- stacks.rs ----

export! {
    fn stacksDump(env, turn: bool) -> JByteArray<'local> {
        let text = gil::inside(|py| stacks::dump(py, turn))?;
        write(env, text, |_| ())
    }
}

// ---- callback.rs ----

export! {
    fn callbackFunction(env, key: i64, name: JString<'local>, objects: bool, frame: i64) -> i64 {
        let name = text(env, &name)?;
        let upcall = host::upcall(key as u64)?;
        let made = gil::with(|py| {
            callback::function(py, upcall, key as u64, &name, objects)
                .map(|function| handle::give(function.into_any(), frame as u64))
        });
        Ok(made? as i64)
    }
}

export! {
    fn callbackReference(env, key: i64, class: JString<'local>, frame: i64) -> i64 {
        let class = text(env, &class)?;
        let upcall = host::upcall(key as u64)?;
        let made = gil::with(|py| {
            callback::reference(py, upcall, key as u64, &class).map(|made| handle::give(made, frame as u64))
        });
        Ok(made? as i64)
    }
}

export! {
    fn callbackException(env, key: i64, classes: JString<'local>, message: JString<'local>, frame: i64) -> i64 {
        let (classes, message) = (text(env, &classes)?, text(env, &message)?);
        let upcall = host::upcall(key as u64)?;
        let made = gil::with(|py| {
            callback::exception(py, upcall, key as u64, &classes, &message).map(|made| handle::give(made, frame as u64))
        });
        Ok(made? as i64)
    }
}

// ---- process.rs ----

export! {
    fn processSpawn(env, command: JObjectArray<'local>, environment: JObjectArray<'local>) -> JLongArray<'local> {
        let (command, environment) = (texts(env, &command)?, texts(env, &environment)?);
        let spawned = process::spawn(&command, &environment)?;
        let numbers = env.new_long_array(spawned.len() as i32)?;
        env.set_long_array_region(&numbers, 0, &spawned)?;
        Ok(numbers)
    }
}

export! {
    fn processObstacle(env, server: i32) -> JString<'local> {
        Ok(env.new_string(process::obstacle(server)?)?)
    }
}

export! {
    fn processFork(env, server: i32) -> JLongArray<'local> {
        let forked = process::fork(server)?;
        let numbers = env.new_long_array(forked.len() as i32)?;
        env.set_long_array_region(&numbers, 0, &forked)?;
        Ok(numbers)
    }
}

export! {
    fn processSend(env, file: i32, bytes: JByteArray<'local>, from: i32, to: i32, millis: i32) -> i32 {
        let length = (to - from).clamp(0, process::AT_ONCE as i32) as usize;
        let mut part = [0; FEW];
        if length <= FEW {
            env.get_byte_array_region(&bytes, from, &mut part[..length])?;
            return Ok(process::send(file, bytemuck::cast_slice(&part[..length]), millis));
        }
        let mut large = pack::buffer(length)?;
        env.get_byte_array_region(&bytes, from, bytemuck::cast_slice_mut(&mut large[..length]))?;
        let sent = process::send(file, &large[..length], millis);
        pack::give_back(large);
        Ok(sent)
    }
}

export! {
    fn processSendBlocks(env, file: i32, bytes: JByteArray<'local>, from: i32, to: i32, millis: i32, keys: JLongArray<'local>) -> i32 {
        let blocks = longs(env, &keys)?.into_iter().map(|key| shared::block(key as u64)).collect::<Result<Vec<_>, _>>()?;
        let mut part = pack::buffer((to - from).clamp(0, process::AT_ONCE as i32) as usize)?;
        let length = (to - from).clamp(0, process::AT_ONCE as i32) as usize;
        env.get_byte_array_region(&bytes, from, bytemuck::cast_slice_mut(&mut part[..length]))?;
        let sent = process::send_blocks(file, &part[..length], &blocks, millis);
        pack::give_back(part);
        Ok(sent)
    }
}

export! {
    fn processBlock(env, file: i32, length: i64) -> JLongArray<'local> {
        let block = process::block(file, length)?;
        block_of(env, &block)
    }
}

export! {
    fn processReceive(env, file: i32, room: JByteArray<'local>, from: i32) -> i32 {
        let space = (env.get_array_length(&room)? - from).clamp(0, process::AT_ONCE as i32) as usize;
        let mut part = [0; FEW * 8];
        if space <= part.len() || from == 0 {
            let space = space.min(part.len());
            let count = process::receive(file, &mut part[..space]);
            let came = &part[..count.max(0) as usize];
            env.set_byte_array_region(&room, from, bytemuck::cast_slice(came))?;
            return Ok(count);
        }
        let mut large = pack::buffer(space)?;
        let count = process::receive(file, &mut large[..space]);
        let came = env.set_byte_array_region(&room, from, bytemuck::cast_slice(&large[..count.max(0) as usize]));
        pack::give_back(large);
        came?;
        Ok(count)
    }
}

export! {
    fn processSockets(env) -> JLongArray<'local> {
        let ends = process::socket_numbers()?;
        let numbers = env.new_long_array(ends.len() as i32)?;
        env.set_long_array_region(&numbers, 0, &ends)?;
        Ok(numbers)
    }
}

export! {
    fn processPoll(env, files: JLongArray<'local>, millis: i32) -> JLongArray<'local> {
        let ready = process::poll(&longs(env, &files)?, millis);
        let numbers = env.new_long_array(ready.len() as i32)?;
        env.set_long_array_region(&numbers, 0, &ready)?;
        Ok(numbers)
    }
}

export! {
    fn processClose(env, file: i32) {
        process::close(file);
        Ok(())
    }
}

export! {
    fn processEnd(env, process: i32) -> i32 {
        Ok(process::end(process))
    }
}

export! {
    fn processToldEnd(env, status: i32) -> i32 {
        Ok(process::told_end(status))
    }
}

export! {
    fn processSignal(env, process: i32, signal: i32) {
        process::signal(process, signal);
        Ok(())
    }
}

/// Foreign memory as Java describes it.
fn memory(
    env: &JNIEnv,
    address: i64,
    element: i32,
    layout: &JLongArray,
    read_only: bool,
) -> Result<Memory, Failure> {
    let layout = longs(env, layout)?;
    Ok(Memory::new(address as usize, element as u8, &layout, read_only)?)
}

fn longs(env: &JNIEnv, array: &JLongArray) -> Result<Vec<i64>, Failure> {
    let mut numbers = vec![0; env.get_array_length(array)? as usize];
    env.get_long_array_region(array, 0, &mut numbers)?;
    Ok(numbers)
}

/// A layout for Java. Its first number is a handle, which is given back if Java does not get it.
fn kept<'local>(env: &JNIEnv<'local>, layout: &[i64]) -> Result<JLongArray<'local>, Failure> {
    let write = || {
        let array = env.new_long_array(layout.len() as i32)?;
        env.set_long_array_region(&array, 0, layout)?;
        Ok(array)
    };
    write().inspect_err(|_| handle::take_back_late(layout[0] as u64))
}

/// A block for Java. It is dropped if Java does not get it.
fn block_of<'local>(env: &JNIEnv<'local>, block: &[i64; 3]) -> Result<JLongArray<'local>, Failure> {
    let write = || {
        let array = env.new_long_array(block.len() as i32)?;
        env.set_long_array_region(&array, 0, block)?;
        Ok(array)
    };
    write().inspect_err(|_| shared::drop(block[0] as u64))
}

/// How many bytes of a request fit on the stack.
const FEW: usize = 256;

/// The first `length` bytes of an array, for the length of `body`.
fn read<R>(
    env: &JNIEnv,
    array: &JByteArray,
    length: i32,
    body: impl FnOnce(&[u8]) -> R,
) -> Result<R, Failure> {
    let length = length.max(0) as usize;
    if length <= FEW {
        let bytes = &mut [0; FEW][..length];
        copy_request(env, array, bytes)?;
        return Ok(body(bytes));
    }
    let mut bytes = pack::buffer(length)?;
    copy_request(env, array, &mut bytes[..length])?;
    let result = body(&bytes[..length]);
    pack::give_back(bytes);
    Ok(result)
}

/// What Java says of an object that a call makes: its frame, and `left`, which is the handle that it left for this call to give
/// back, 0 if none, or -1 if it wants no value told.
fn made(frame: i64, left: i64) -> (Made, Option<u64>) {
    let told = left != -1;
    let frame = frame as u64;
    (Made { frame, told }, (told && left != 0).then_some(left as u64))
}

/// A reply, in the request's own array where there is room: to make another costs more than all the rest.
fn answer<'local>(
    env: &JNIEnv<'local>,
    request: JByteArray<'local>,
    length: i32,
    reply: Vec<u8>,
) -> Result<JByteArray<'local>, Failure> {
    if reply.len() > length as usize && reply.len() > env.get_array_length(&request)? as usize {
        return write(env, reply, pack::forget);
    }
    write_reply(env, &request, &reply)?;
    pack::give_back(reply);
    Ok(request)
}

/// A reply, in an array of its own; what is in it is given back if Java has no room for it.
fn write<'local>(
    env: &JNIEnv<'local>,
    bytes: Vec<u8>,
    forget: fn(&[u8]),
) -> Result<JByteArray<'local>, Failure> {
    let array = env.byte_array_from_slice(&bytes).inspect_err(|_| forget(&bytes));
    pack::give_back(bytes);
    Ok(array?)
}

fn text(env: &mut JNIEnv, string: &JString) -> Result<String, Failure> {
    // SAFETY: Java's types see to it that it is a String or null, which is refused. To look at its class again, as
    // `get_string` does, takes longer than to read a name.
    Ok(unsafe { env.get_string_unchecked(string)? }.into())
}

fn texts(env: &mut JNIEnv, strings: &JObjectArray) -> Result<Vec<String>, Failure> {
    let count = env.get_array_length(strings)?;
    (0..count)
        .map(|i| {
            let string = env.get_object_array_element(strings, i)?;
            let string = env.auto_local(JString::from(string)); // there may be hundreds
            text(env, &string)
        })
        .collect()
}
