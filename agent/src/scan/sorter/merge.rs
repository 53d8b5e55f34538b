//! Many sorted runs as one.

use std::cmp::Ordering;
use std::io;

use super::run::Run;
use crate::scan::spill::RunBytes;

/// Runs being merged: a binary heap whose top is the run with the least key.
#[derive(Debug)]
pub(in crate::scan) struct Merge<'s> {
    runs: Vec<Run<'s>>,
    /// Positions in `runs`; runs that have ended are not in it.
    heap: Vec<usize>,
    started: bool,
}

impl<'s> Merge<'s> {
    /// Stands before the first record.
    pub(super) fn new(
        files: impl Iterator<Item = RunBytes<'s>>,
        buffer_bytes: usize,
    ) -> io::Result<Self> {
        let mut merge = Self {
            runs: Vec::new(),
            heap: Vec::new(),
            started: false,
        };
        for file in files {
            let mut run = Run::new(file, buffer_bytes);
            if run.advance()? {
                merge.heap.push(merge.runs.len());
                merge.runs.push(run);
            }
        }
        for place in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(place);
        }
        Ok(merge)
    }

    /// Goes to the next record; `false` at the end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        if !self.started {
            self.started = true;
        } else if let Some(top) = self.heap.first() {
            if !self.runs[*top].advance()? {
                self.heap.swap_remove(0);
            }
            self.sift_down(0);
        }
        Ok(!self.heap.is_empty())
    }

    fn top(&self) -> Option<&Run<'s>> {
        self.heap.first().map(|top| &self.runs[*top])
    }

    /// The key of the record stood on; empty where there is none.
    pub(super) fn key(&self) -> &[u8] {
        self.top().map_or(&[], Run::key)
    }

    /// The payload of the record stood on; empty where there is none.
    pub(super) fn payload(&self) -> &[u8] {
        self.top().map_or(&[], Run::payload)
    }

    fn order(&self, a: usize, b: usize) -> Ordering {
        let (a_run, b_run) = (&self.runs[a], &self.runs[b]);
        a_run
            .prefix
            .cmp(&b_run.prefix)
            .then_with(|| a_run.key().cmp(b_run.key()))
    }

    fn sift_down(&mut self, mut place: usize) {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let mut least = place;
            for child in [left, right] {
                if child < self.heap.len() && self.order(self.heap[child], self.heap[least]).is_lt()
                {
                    least = child;
                }
            }
            if least == place {
                return;
            }
            self.heap.swap(place, least);
            place = least;
        }
    }
}
