use proptest::prelude::*;

use super::*;

/// `pickle.dumps({"a": [1, -2, 3.5, None, True], "b": (2**40, "x")}, protocol=P)` of CPython 3.11.
const PROTOCOL_2: &[u8] = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x0c\x00\x00\x00\x00\
\x00\x00N\x88eX\x01\x00\x00\x00bq\x03\x8a\x06\x00\x00\x00\x00\x00\x01X\x01\x00\x00\x00xq\x04\x86q\x05u.";
const PROTOCOL_0: &[u8] =
    b"(dp0\nVa\np1\n(lp2\nI1\naI-2\naF3.5\naNaI01\nasVb\np3\n(L1099511627776L\nVx\np4\ntp5\ns.";

fn check(bytes: &[u8]) {
    let pickle = Pickle::parse(bytes).unwrap();
    let list = pickle.get(pickle.root(), "a").unwrap();
    let Node::List(elements) = pickle.node(list) else {
        panic!("{:?}", pickle.node(list))
    };
    let found: Vec<&Node> = elements.iter().map(|&id| pickle.node(id)).collect();
    assert_eq!(
        found,
        [
            &Node::Int(1),
            &Node::Int(-2),
            &Node::Float(3.5),
            &Node::None,
            &Node::Bool(true)
        ]
    );
    let tuple = pickle
        .tuple(pickle.get(pickle.root(), "b").unwrap())
        .unwrap();
    assert_eq!(pickle.int(tuple[0]), Some(1 << 40));
    assert_eq!(pickle.str(tuple[1]), Some("x"));
}

#[test]
fn what_python_wrote_is_read() {
    check(PROTOCOL_2);
    check(PROTOCOL_0);
}

#[test]
fn calls_are_recorded_and_not_made() {
    // cos\nsystem\n("rm -rf /",) REDUCE, the classic.
    let pickle = Pickle::parse(b"cos\nsystem\n(S'rm -rf /'\ntR.").unwrap();
    let Node::Call {
        function,
        arguments,
        ..
    } = pickle.node(pickle.root())
    else {
        panic!()
    };
    assert_eq!(pickle.global(*function), Some(("os", "system")));
    assert_eq!(pickle.tuple(*arguments).unwrap().len(), 1);
    assert_eq!(pickle.describe(pickle.root()), "an object of os.system");
}

#[test]
fn negative_and_long_numbers() {
    let int = |bytes: &[u8]| {
        let pickle = Pickle::parse(bytes).unwrap();
        pickle.node(pickle.root()).clone()
    };
    assert_eq!(int(b"\x8a\x00."), Node::Int(0));
    assert_eq!(int(b"\x8a\x01\xff."), Node::Int(-1));
    assert_eq!(int(b"\x8a\x02\x00\x80."), Node::Int(-32768));
    assert_eq!(
        int(b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."),
        Node::Int(i64::MAX)
    );
    assert_eq!(
        int(b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."),
        Node::LargeInt(9)
    );
}

#[test]
fn what_is_wrong_is_said() {
    let problem = |bytes: &[u8]| Pickle::parse(bytes).unwrap_err();
    assert_eq!(problem(b""), PickleError::Truncated(0));
    assert_eq!(problem(b"\x80\x02N"), PickleError::Truncated(3));
    assert_eq!(problem(b"X\xff\xff\xff\x7fab"), PickleError::Truncated(7));
    assert_eq!(problem(b"\x80\x06."), PickleError::Protocol(6));
    assert_eq!(problem(b"N0."), PickleError::Stack(2));
    assert_eq!(problem(b"Nt."), PickleError::Stack(1));
    assert_eq!(problem(b"N(0R."), PickleError::Stack(3));
    assert_eq!(problem(b"h\x05."), PickleError::Memo { offset: 0, key: 5 });
    assert_eq!(
        problem(b"\x82\x01."),
        PickleError::Opcode {
            code: 0x82,
            offset: 0
        }
    );
    let error = problem(b"NNa.");
    assert_eq!(
        error.to_string(),
        "the instruction at byte 2 changes None, not a list or a set"
    );
}

#[test]
fn a_list_may_hold_itself() {
    let pickle = Pickle::parse(b"]q\x00h\x00a.").unwrap();
    assert_eq!(pickle.node(pickle.root()), &Node::List(vec![pickle.root()]));
}

/// Bytes that are mostly instructions, so that programs get far.
fn program() -> impl Strategy<Value = Vec<u8>> {
    let instructions = b"(.0120NNIJKMLFGSTUBCVX)t]l}daesucRoibPQpqrghj\n\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\
\x8e\x8f\x90\x91\x92\x93\x94\x95\x96";
    let byte = prop_oneof![
        6 => prop::sample::select(instructions.to_vec()),
        1 => 0u8..4,
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_program_makes_it_panic(bytes in program()) {
        if let Ok(pickle) = Pickle::parse(&bytes) {
            let _ = pickle.describe(pickle.root());
        }
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0..PROTOCOL_2.len(), byte in any::<u8>(), len in 0..PROTOCOL_2.len()) {
        let mut bytes = PROTOCOL_2.to_vec();
        bytes[at] = byte;
        let _ = Pickle::parse(&bytes);
        prop_assert!(Pickle::parse(&PROTOCOL_2[..len]).is_err());
    }
}
