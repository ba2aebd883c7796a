//! Whether the machine's wall clock is kept right by somebody (NTP, PTP, a radio): the kernel knows.

/// What the kernel knows of its clock (`adjtimex(2)`): true while it is synchronised. `None`
/// to a service that may not ask.
#[must_use]
pub(crate) fn is_synchronised() -> Option<bool> {
    // SAFETY: the structure is plain numbers, for which zeros are values; `modes` 0 asks and changes
    // nothing.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a structure of ours, which the kernel fills.
    let status = unsafe { libc::adjtimex(&raw mut state) };
    (status >= 0).then_some(())?;
    Some((0..libc::TIME_ERROR).contains(&status) && state.status & libc::STA_UNSYNC == 0)
}
