//! Account of the memory that requests hold, by the byte and until the byte is freed. It covers documents as they
//! arrive, pages that workers have read, and answers until clients have received them. When it is full, further
//! requests are refused.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;

/// Limit of a key that holds memory already, as a multiple of the free memory. One key alone gets to four fifths of all
/// memory, two keys to four ninths each. (A buffer shared by dynamic thresholds; Choudhury and Hahne, 1998.)
pub const TIMES_FREE: u64 = 4;

/// Memory of all requests, and its limit.
#[derive(Debug)]
pub struct Memory {
    most: u64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: u64,
    of: HashMap<Arc<str>, u64>,
}

/// Memory of one request.
#[derive(Debug)]
pub struct Account {
    memory: Arc<Memory>,
    /// Id of its API key.
    key: Arc<str>,
    bytes: AtomicU64,
}

/// Bytes that are charged to a request. The charge is kept together with the bytes, and dropping it frees them.
#[derive(Debug)]
pub struct Charge {
    account: Arc<Account>,
    bytes: u64,
}

/// Error for lack of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A value with the charge for its memory.
#[derive(Debug)]
pub struct Charged<T> {
    pub value: T,
    pub charge: Charge,
}

impl AsRef<[u8]> for Charged<Vec<u8>> {
    fn as_ref(&self) -> &[u8] {
        &self.value
    }
}

/// The charge is dropped with the last copy of the bytes.
impl From<Charged<Vec<u8>>> for Bytes {
    fn from(charged: Charged<Vec<u8>>) -> Self {
        Self::from_owner(charged)
    }
}

impl Memory {
    pub fn new(most: u64) -> Arc<Self> {
        Arc::new(Self {
            most,
            held: Mutex::default(),
        })
    }

    pub fn account(self: &Arc<Self>, key: &Arc<str>) -> Arc<Account> {
        Arc::new(Account {
            memory: Arc::clone(self),
            key: Arc::clone(key),
            bytes: AtomicU64::new(0),
        })
    }

    /// Bytes that all requests hold.
    pub fn all(&self) -> u64 {
        self.held().all
    }

    /// Bytes that a key's requests hold.
    pub fn of(&self, key: &str) -> u64 {
        self.held().of.get(key).copied().unwrap_or_default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // The fields are sums, so a panic elsewhere leaves them whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Account without a limit, for work without a key.
    pub fn unlimited() -> Arc<Self> {
        Memory::new(u64::MAX).account(&"".into())
    }

    /// An empty charge.
    pub fn charge(self: &Arc<Self>) -> Charge {
        Charge {
            account: Arc::clone(self),
            bytes: 0,
        }
    }

    /// Charges bytes, if there is room. A key that has other requests leaves room for those of other keys.
    ///
    /// # Errors
    /// [`Full`].
    pub fn charge_for(self: &Arc<Self>, bytes: u64) -> Result<Charge, Full> {
        let mut charge = self.charge();
        charge.grow(bytes)?;
        Ok(charge)
    }

    /// Charges bytes that are useful but not needed: half of the memory stays free.
    ///
    /// # Errors
    /// [`Full`].
    pub fn charge_spare(self: &Arc<Self>, bytes: u64) -> Result<Charge, Full> {
        let half = self.memory.most / 2;
        if self.memory.all().saturating_add(bytes) > half {
            return Err(Full);
        }
        self.charge_for(bytes)
    }
}

impl Charge {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Charges more bytes, if there is room.
    ///
    /// # Errors
    /// [`Full`]; the charge is unchanged.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Full> {
        let Account { memory, key, .. } = &*self.account;
        let mut held = memory.held();
        let all = held.all.checked_add(bytes).ok_or(Full)?;
        let free = memory.most.checked_sub(all).ok_or(Full)?;
        let mine = held.of.get(key).copied().unwrap_or_default();
        let has_others = mine > self.account.bytes.load(Ordering::Relaxed);
        if has_others && mine + bytes > free.saturating_mul(TIMES_FREE) {
            return Err(Full);
        }
        held.all = all;
        *held.of.entry(Arc::clone(key)).or_default() += bytes;
        self.account.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        Ok(())
    }

    /// Merges another charge of the same request.
    pub fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Splits off a charge for some of the bytes.
    #[must_use]
    pub fn split(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            account: Arc::clone(&self.account),
            bytes,
        }
    }

    /// Frees everything beyond this number of bytes.
    pub fn shrink_to(&mut self, bytes: u64) {
        let freed = self.bytes.saturating_sub(bytes);
        if freed == 0 {
            return;
        }
        let Account { memory, key, .. } = &*self.account;
        let mut held = memory.held();
        held.all = held.all.saturating_sub(freed);
        if let Some(mine) = held.of.get_mut(key) {
            *mine = mine.saturating_sub(freed);
            // A key without memory is dropped from the table.
            if *mine == 0 {
                held.of.remove(key);
            }
        }
        self.account.bytes.fetch_sub(freed, Ordering::Relaxed);
        self.bytes -= freed;
    }

    /// Account that the charge belongs to.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// Approximate memory of a value. Words consist of small strings and a few numbers, and the allocator needs as much
/// again as their JSON has bytes.
pub fn weight(value: &impl Serialize) -> u64 {
    let mut counter = Counter(0);
    // Counting can't fail, and all values serialize to JSON.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0.saturating_mul(2)
}

struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(memory: &Arc<Memory>, key: &str) -> Arc<Account> {
        memory.account(&key.into())
    }

    #[test]
    fn frees_exactly_what_was_charged() {
        let memory = Memory::new(10_000);
        let one = account(&memory, "a");
        let mut document = one.charge_for(5000).unwrap();
        let answer = one.charge_for(5000).unwrap();
        assert_eq!(one.charge_for(1).unwrap_err(), Full);
        assert_eq!(document.grow(1), Err(Full));
        let mut part = document.split(3000);
        part.shrink_to(0);
        document.shrink_to(4000);
        assert_eq!((memory.all(), memory.of("a")), (7000, 7000));
        part.join(document);
        drop(part);
        // The answer outlives its request.
        drop(one);
        assert_eq!(memory.all(), 5000);
        drop(answer);
        assert_eq!(memory.all(), 0);
        assert!(
            memory.held().of.is_empty(),
            "a key without memory is dropped"
        );
    }

    #[test]
    fn a_key_with_several_requests_leaves_room_for_other_keys() {
        let memory = Memory::new(1_000_000);
        let mut of_a = Vec::new();
        while let Ok(charge) = account(&memory, "a").charge_for(30_000) {
            of_a.push(charge);
        }
        // Of 1,000,000 bytes, the key gets four fifths, which is 26 of these.
        assert_eq!(of_a.len(), 26);
        let _other = account(&memory, "b").charge_for(200_000).unwrap();
    }

    #[test]
    fn spare_charges_leave_half_of_the_memory_free() {
        let memory = Memory::new(1000);
        let only = account(&memory, "a");
        let _document = only.charge_for(300).unwrap();
        assert!(only.charge_spare(201).is_err());
        assert!(only.charge_spare(200).is_ok());
    }

    #[test]
    fn the_only_request_of_a_key_may_use_all_free_memory() {
        let memory = Memory::new(1000);
        let only = account(&memory, "a");
        let _document = only.charge_for(600).unwrap();
        assert!(only.charge_for(400).is_ok());
    }
}
