//! A store of calls or of messages: by SID, by age, and by the phone concerned.
//!
//! Easy to get wrong: the lists by age and by phone may name a record that was deleted since; both
//! iterators pass over such names.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

pub(crate) type Sid = Arc<str>;

#[derive(Debug)]
pub(crate) struct Records<T> {
    by_sid: HashMap<Sid, T>,
    order: VecDeque<(Sid, String)>,
    by_phone: HashMap<String, VecDeque<Sid>>,
    keep: usize,
}

impl<T> Records<T> {
    pub(crate) fn new(keep: usize) -> Self {
        let keep = keep.max(1);
        Self { by_sid: HashMap::new(), order: VecDeque::new(), by_phone: HashMap::new(), keep }
    }

    /// Adds a record about `phone` and forgets the oldest when there are too many.
    pub(crate) fn insert(&mut self, sid: Sid, phone: &str, record: T) {
        while self.order.len() >= self.keep {
            self.forget_oldest();
        }
        self.by_sid.insert(Arc::clone(&sid), record);
        self.by_phone.entry(phone.to_owned()).or_default().push_back(Arc::clone(&sid));
        self.order.push_back((sid, phone.to_owned()));
    }

    fn forget_oldest(&mut self) {
        let Some((sid, phone)) = self.order.pop_front() else { return };
        self.by_sid.remove(&sid);
        if let Some(list) = self.by_phone.get_mut(&phone) {
            // Both lists keep the order of arrival, deleted names included, so the oldest is in front.
            list.pop_front();
            if list.is_empty() {
                self.by_phone.remove(&phone);
            }
        }
    }

    pub(crate) fn find(&self, sid: &str) -> Option<&T> {
        self.by_sid.get(sid)
    }

    pub(crate) fn find_mut(&mut self, sid: &str) -> Option<&mut T> {
        self.by_sid.get_mut(sid)
    }

    pub(crate) fn remove(&mut self, sid: &str) -> Option<T> {
        self.by_sid.remove(sid)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.by_sid.values()
    }

    /// Newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &T> {
        self.order.iter().rev().filter_map(|(sid, _)| self.by_sid.get(sid))
    }

    /// The records about one phone, newest last.
    pub(crate) fn of_phone(&self, phone: &str) -> impl DoubleEndedIterator<Item = &T> {
        self.by_phone.get(phone).into_iter().flatten().filter_map(|sid| self.by_sid.get(sid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_deleted_ones_are_passed_over() {
        let mut records = Records::new(2);
        for (i, name) in ["a", "b", "c"].into_iter().enumerate() {
            records.insert(name.into(), "+1", i);
        }
        assert_eq!(records.newest().copied().collect::<Vec<_>>(), [2, 1]);
        records.remove("c");
        assert_eq!(records.of_phone("+1").copied().collect::<Vec<_>>(), [1]);
    }
}
