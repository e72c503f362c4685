//! Reports of runs, and their pages.

use ftperm::report::{Report, page};

pub fn report(data: &[u8]) {
    let report = match Report::from_json(data) {
        Ok(report) => report,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let page = page(&report).expect("a page of a report that was accepted");
    assert!(page.starts_with("<!DOCTYPE html>") || page.starts_with("<!doctype html>"));
    assert!(!page.contains("<script"));
    let json = report.to_json().expect("writing to memory");
    Report::from_json(&json).expect("our own report");
}
