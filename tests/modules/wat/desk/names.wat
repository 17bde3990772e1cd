  ;; Labels that callers claim, of which each can be had once. The rows are where their owners are, so that no two have the
  ;; same label is for a sharded index to say.
  ;;
  ;;     name │ id │ owner │ label │ mark │      index 0 is by id, 1 by label, unique

  (data (i32.const 16) "name")

  (global $name (mut i32) (i32.const -1))

  (func $look_up
    (call $begin)
    (if (i32.eq (global.get $name) (i32.const -1))
      (then (global.set $name (call $table (i32.const 16) (i32.const 4))))))

  ;; Reads the row of a label to 8196; whether there is one.
  (func $find_label (param $label i64) (result i32)
    (call $key (local.get $label))
    (i32.store (i32.const 8192) (i32.const 32))
    (i64.eq
      (call $find
        (global.get $name)
        (i32.const 1)
        (i32.const 4096) (i32.const 9)
        (i32.const 8196) (i32.const 32))
      (i64.const 32)))

  ;; claim(mark, label, owner): takes a label; tells the row's id.
  (func (export "cosm_reducer_claim") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (i32.store (i32.const 8192) (i32.const 32))
    (i64.store (i32.const 8196) (i64.const 0))
    (i64.store (i32.const 8204) (call $argument (local.get $input) (i32.const 2)))
    (i64.store (i32.const 8212) (call $argument (local.get $input) (i32.const 1)))
    (i64.store (i32.const 8220) (call $argument (local.get $input) (i32.const 0)))
    (if (call $insert (global.get $name) (i32.const 8192) (i32.const 36))
      (then (return (call $fail_with_error))))
    (call $tell (i64.load (i32.const 8196)))
    (call $finish (local.get $input)))

  ;; release(mark, label): gives a label back; tells the mark of the call that took it, or 0.
  (func (export "cosm_reducer_release") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (if (call $find_label (call $argument (local.get $input) (i32.const 1)))
      (then
        (call $tell (i64.load (i32.const 8220)))
        (if (i64.ne
              (call $delete
                (global.get $name)
                (i32.const 1)
                (i32.const 4096) (i32.const 9))
              (i64.const 1))
          (then (unreachable))))
      (else (call $tell (i64.const 0))))
    (call $finish (local.get $input)))

  ;; rename(mark, label, other): has whoever has the one label have the other instead; tells the mark of the call that took
  ;; it, or 0.
  (func (export "cosm_reducer_rename") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (if (call $find_label (call $argument (local.get $input) (i32.const 1)))
      (then
        (call $tell (i64.load (i32.const 8220)))
        (i64.store
          (i32.const 8212)
          (call $argument (local.get $input) (i32.const 2)))
        (if (call $update (global.get $name) (i32.const 8192) (i32.const 36))
          (then (return (call $fail_with_error)))))
      (else (call $tell (i64.const 0))))
    (call $finish (local.get $input)))
