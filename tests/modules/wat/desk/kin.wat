  ;; Parents and children, which are on other shards than their parents: a foreign key leads there.
  ;;
  ;;     parent │ id │ mark │
  ;;     child  │ id │ room │ parent │ mark │      index 0 is by id, 1 by parent

  (data (i32.const 16) "parent")
  (data (i32.const 32) "child")

  (global $parent (mut i32) (i32.const -1))
  (global $child (mut i32) (i32.const -1))

  (func $look_up
    (call $begin)
    (if (i32.eq (global.get $parent) (i32.const -1))
      (then
        (global.set $parent (call $table (i32.const 16) (i32.const 6)))
        (global.set $child (call $table (i32.const 32) (i32.const 5))))))

  ;; raise(mark, parent): a new parent.
  (func (export "cosm_reducer_raise") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (i32.store (i32.const 8192) (i32.const 16))
    (i64.store (i32.const 8196) (call $argument (local.get $input) (i32.const 1)))
    (i64.store (i32.const 8204) (call $argument (local.get $input) (i32.const 0)))
    (if (call $insert (global.get $parent) (i32.const 8192) (i32.const 20))
      (then (return (call $fail_with_error))))
    (call $finish (local.get $input)))

  ;; fell(mark, parent): a parent goes, unless it has children; tells whether it was there.
  (func (export "cosm_reducer_fell") (param $input i32) (param $length i32) (result i32)
    (local $count i64)
    (call $look_up)
    (call $key (call $argument (local.get $input) (i32.const 1)))
    (local.set $count
      (call $delete
        (global.get $parent)
        (i32.const 0)
        (i32.const 4096) (i32.const 9)))
    (if (i64.lt_s (local.get $count) (i64.const 0))
      (then (return (call $fail_with_error))))
    (call $tell (local.get $count))
    (call $finish (local.get $input)))

  ;; bear(mark, parent, room): a child of this parent; tells its id.
  (func (export "cosm_reducer_bear") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (i32.store (i32.const 8192) (i32.const 32))
    (i64.store (i32.const 8196) (i64.const 0))
    (i64.store (i32.const 8204) (call $argument (local.get $input) (i32.const 2)))
    (i64.store (i32.const 8212) (call $argument (local.get $input) (i32.const 1)))
    (i64.store (i32.const 8220) (call $argument (local.get $input) (i32.const 0)))
    (if (call $insert (global.get $child) (i32.const 8192) (i32.const 36))
      (then (return (call $fail_with_error))))
    (call $tell (i64.load (i32.const 8196)))
    (call $finish (local.get $input)))

  ;; bury(mark, parent): all children of this parent go; tells how many they were.
  (func (export "cosm_reducer_bury") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (call $key (call $argument (local.get $input) (i32.const 1)))
    (call $tell
      (call $delete
        (global.get $child)
        (i32.const 1)
        (i32.const 4096) (i32.const 9)))
    (call $finish (local.get $input)))

  ;; move(mark, child, parent): a child gets another parent; tells whether it was there.
  (func (export "cosm_reducer_move") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (call $key (call $argument (local.get $input) (i32.const 1)))
    (i32.store (i32.const 8192) (i32.const 32))
    (if (i64.eq
          (call $find
            (global.get $child)
            (i32.const 0)
            (i32.const 4096) (i32.const 9)
            (i32.const 8196) (i32.const 32))
          (i64.const 32))
      (then
        (i64.store
          (i32.const 8212)
          (call $argument (local.get $input) (i32.const 2)))
        (if (call $update (global.get $child) (i32.const 8192) (i32.const 36))
          (then (return (call $fail_with_error))))
        (call $tell (i64.const 1)))
      (else (call $tell (i64.const 0))))
    (call $finish (local.get $input)))
