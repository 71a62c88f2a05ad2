// SPDX-License-Identifier: Apache-2.0
//! `Inject.panicAfter` of tests/torture. It is not an export, and no release contains it.

use jni::objects::JClass;
use jni::JNIEnv;
use python4j_core::inject;

#[export_name = "Java_org_nd4j_python4j_Inject_panicAfter"]
extern "system" fn panic_after(_env: JNIEnv, _class: JClass, points: i64) -> i64 {
    inject::panic_after(points as u64) as i64
}
