;; Messages from Guile, with its foreign function interface and nothing else.
;;
;;     FDWIRE_LIBRARY=$PWD/target/release/libfdwire.so guile -s tests/ffi/guile/talk.scm unix:target/hall guile 1
;;
;; It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
;; back one by one and in batches, and meets some errors.

(use-modules (ice-9 match)
             (rnrs bytevectors)
             (srfi srfi-1)
             (srfi srfi-9)
             (system foreign)
             (system foreign-library))

;; The binding: what is used here of fdwire.h.

(define fdwire (load-foreign-library (or (getenv "FDWIRE_LIBRARY") "libfdwire")))

(define (declare name result . parameters)
  (foreign-library-function fdwire name #:return-type result #:arg-types parameters))

(define fdwire-error-name (declare "fdwire_error_name" '* int))
(define fdwire-format-new (declare "fdwire_format_new" int '* '* '* size_t))
(define fdwire-connect (declare "fdwire_connect" int '* int))
(define fdwire-close (declare "fdwire_close" int int))
(define fdwire-conn-new (declare "fdwire_conn_new" int int int '* '*))
(define fdwire-conn-set (declare "fdwire_conn_set" int '* int int64))
(define fdwire-conn-send (declare "fdwire_conn_send" int '* '* size_t int))
(define fdwire-conn-send-packed (declare "fdwire_conn_send_packed" int '* '* '* size_t int))
(define fdwire-conn-recv-into (declare "fdwire_conn_recv_into" int '* '* size_t '* int))
(define fdwire-conn-recv-packed (declare "fdwire_conn_recv_packed" int '* '* size_t '* size_t '* int))
(define fdwire-conn-shutdown (declare "fdwire_conn_shutdown" int '* int int))
(define fdwire-conn-free (declare "fdwire_conn_free" void '*))

(define own 1)
(define both 3)
(define shut-wr 1)
(define room-size (ash 1 20)) ; bytes, messages: what one call receives
(define most 256)
(define timeout 30000)

;; Throws the name of the code, and why, if more is known.
(define* (check result #:optional why)
  (when (negative? result)
    (let ((name (pointer->string (fdwire-error-name result))))
      (throw 'fdwire name (or why name))))
  result)

(define (sizes->bytevector sizes) (uint-list->bytevector sizes (native-endianness) (sizeof size_t)))
(define (bytevector->sizes bytes) (bytevector->uint-list bytes (native-endianness) (sizeof size_t)))

(define (pointer-to bytes) (bytevector->pointer bytes))
(define (pointer-in bytes) (dereference-pointer (bytevector->pointer bytes)))

;; A format, which the garbage collector frees.
(define (new-format text)
  (let* ((out (make-bytevector (sizeof '*) 0))
         (why (make-bytevector 200 0))
         (result (fdwire-format-new (string->pointer text) (pointer-to out) (pointer-to why) (bytevector-length why))))
    (check result (pointer->string (pointer-to why)))
    (make-pointer (pointer-address (pointer-in out)) (foreign-library-pointer fdwire "fdwire_format_free"))))

;; Messages to and from an address.
(define-record-type <connection>
  (make-connection conn room lens count)
  connection?
  (conn conn)
  (room room)
  (lens lens)
  (count count))

(define (connect address format)
  (let* ((fd (check (fdwire-connect (string->pointer address) timeout)))
         (out (make-bytevector (sizeof '*) 0))
         (result (fdwire-conn-new fd fd format (pointer-to out))))
    (when (negative? result)
      (fdwire-close fd))
    (check result)
    (check (fdwire-conn-set (pointer-in out) own both)) ; it closes fd
    (make-connection (pointer-in out)
                     (make-bytevector room-size)
                     (make-bytevector (* most (sizeof size_t)))
                     (make-bytevector (sizeof size_t)))))

(define (call-with-connection address format proc)
  (let ((connection (connect address format)))
    (dynamic-wind
      (const #t)
      (lambda () (proc connection))
      (lambda () (fdwire-conn-free (conn connection))))))

(define (send connection body)
  (check (fdwire-conn-send (conn connection) (pointer-to body) (bytevector-length body) timeout)))

(define (send-many connection bodies)
  (let* ((sizes (map bytevector-length bodies))
         (packed (make-bytevector (reduce + 0 sizes))))
    (fold (lambda (body size at) (bytevector-copy! body 0 packed at size) (+ at size)) 0 bodies sizes)
    (check (fdwire-conn-send-packed (conn connection) (pointer-to packed) (pointer-to (sizes->bytevector sizes))
                                    (length bodies) timeout))))

(define (slice bytes at size)
  (let ((copy (make-bytevector size)))
    (bytevector-copy! bytes at copy 0 size)
    copy))

;; The next message, or #f at the end of the stream.
(define* (receive connection #:optional (timeout timeout))
  (let ((result (fdwire-conn-recv-into (conn connection) (pointer-to (room connection)) room-size
                                       (pointer-to (count connection)) timeout)))
    (and (= (check result) 1)
         (slice (room connection) 0 (first (bytevector->sizes (count connection)))))))

;; As many messages as are there, at least one; none at the end of the stream.
(define (receive-many connection)
  (let ((result (fdwire-conn-recv-packed (conn connection) (pointer-to (room connection)) room-size
                                         (pointer-to (lens connection)) most (pointer-to (count connection)) timeout)))
    (let next ((sizes (if (= (check result) 1)
                          (take (bytevector->sizes (lens connection)) (first (bytevector->sizes (count connection))))
                          '()))
               (at 0))
      (match sizes
        (() '())
        ((size . rest) (cons (slice (room connection) at size) (next rest (+ at size))))))))

(define (shutdown connection)
  (check (fdwire-conn-shutdown (conn connection) shut-wr timeout)))

;; The program.

(define (expect what true)
  (unless true
    (error "not as it should be:" what)))

;; Name and reason of the error that calling thunk ends with.
(define (error-of thunk)
  (catch 'fdwire
    (lambda () (thunk) (error "an error was expected"))
    (lambda (key name why) (list name why))))

(define (greet connection name participants)
  (define hello "hello from ")
  (send connection (string->utf8 (string-append hello name)))
  (sort (map (lambda (_)
               (let ((greeting (utf8->string (receive connection))))
                 (expect "greetings" (string-prefix? hello greeting))
                 (string-drop greeting (string-length hello))))
             (iota participants))
        string<?))

(define (bytes count) (u8-list->bytevector (map (lambda (i) (modulo i 256)) (iota count))))

(define batch
  (map (lambda (i) (string->utf8 (string-concatenate (make-list (modulo i 8) (number->string i))))) (iota 1000)))

;; In batches, until the end of the stream.
(define (receive-all connection)
  (match (receive-many connection)
    (() '())
    (some (append some (receive-all connection)))))

(match (command-line)
  ((_ address name participants)
   (let* ((wrong (error-of (lambda () (new-format "u32le maxx=1M"))))
          (format (new-format "u32le max=1M"))
          (echoes (list (bytes 0) (bytes 256) (bytes 102400))))

     (define (talk connection)
       (let* ((nothing (error-of (lambda () (receive connection 0))))
              (met (greet connection name (string->number participants))))
         (expect "nothing is there yet" (equal? (first nothing) "EAGAIN"))
         (for-each (lambda (body)
                     (send connection body)
                     (expect "a message that comes back" (equal? (receive connection) body)))
                   echoes)
         (send-many connection batch)
         (shutdown connection)
         (let ((received (receive-all connection)))
           (expect "a batch that comes back" (equal? received batch))
           (simple-format #f "~A met ~A; ~A echoes, ~A in batches; ~A" name (string-join met ", ") (length echoes)
                          (length received) (second nothing)))))

     (define (ask-for-too-much connection)
       (send connection (string->utf8 "too much, please"))
       (let ((too-long (error-of (lambda () (receive connection)))))
         (expect "more than the format allows" (equal? (first too-long) "FDWIRE_E_TOO_LONG"))
         (second too-long)))

     (let* ((talked (call-with-connection address format talk))
            (too-long (call-with-connection address format ask-for-too-much)))
       (simple-format #t "~A, ~A; ~A\n" talked too-long (second wrong))))))
