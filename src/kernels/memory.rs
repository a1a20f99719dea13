//! Memory for large arrays: in large pages where the system gives them, so that a pass over megabytes
//! does not wait for the tables of thousands of small ones.
#![allow(unsafe_code)]

/// Bytes below which large pages are no use.
const LARGE: usize = 2 << 20;
/// A multiple of the small page of every system.
#[cfg(target_os = "linux")]
const PAGE: usize = 1 << 16;

/// A vector of `len` times `value`; large ones ask for large pages. Where they are refused, small ones
/// serve.
pub fn filled<T: Clone>(len: usize, value: T) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    ask_for_large_pages(&mut values);
    values.resize(len, value);
    values
}

#[cfg(target_os = "linux")]
fn ask_for_large_pages<T>(values: &mut Vec<T>) {
    let room = values.spare_capacity_mut();
    let (start, bytes) = (room.as_mut_ptr().addr(), size_of_val(room));
    if bytes < LARGE {
        return;
    }
    let skip = start.next_multiple_of(PAGE) - start;
    let whole = (bytes - skip) / PAGE * PAGE;
    // SAFETY: whole pages inside memory that the vector alone holds; the advice changes how they are
    // mapped and never what they hold.
    let asked = unsafe {
        let first = room.as_mut_ptr().cast::<u8>().add(skip).cast();
        rustix::mm::madvise(first, whole, rustix::mm::Advice::LinuxHugepage)
    };
    // A system without large pages says so, and nothing is lost.
    asked.unwrap_or_default();
}

#[cfg(not(target_os = "linux"))]
fn ask_for_large_pages<T>(_: &mut Vec<T>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_vectors_hold_what_they_are_filled_with() {
        for len in [0, 1, 1000, LARGE / 4 + 3, 3 * LARGE] {
            let values = filled(len, 1.5f32);
            assert!(values.len() == len && values.iter().all(|&x| x == 1.5));
        }
    }
}
