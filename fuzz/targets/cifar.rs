//! A file of CIFAR-10 of any bytes. A picture has 3,073 of them, so the input is repeated to a multiple of that, and a
//! bit more where its length is odd.
#![no_main]

use igd::data::packed::Packed;
use igd_fuzz::Input;
use libfuzzer_sys::fuzz_target;

const RECORD: usize = 3073;

thread_local!(static INPUT: Input = Input::new("data_batch_1.bin"));

fuzz_target!(|bytes: &[u8]| {
    let Some(&first) = bytes.first() else {
        return;
    };
    let length = RECORD * usize::from(first % 4) + bytes.len() % 2;
    let file: Vec<u8> = bytes.iter().copied().cycle().take(length).collect();
    INPUT.with(|input| {
        let Ok((packed, labels)) = Packed::cifar(input.of(&file)) else {
            assert!(length == 0 || length % RECORD != 0);
            return;
        };
        assert_eq!(labels.len(), packed.len());
        for index in 0..packed.len() {
            assert_eq!(packed.picture(index).expect("a picture").size(), (32, 32));
        }
        assert!(packed.picture(packed.len()).is_err());
    });
});
