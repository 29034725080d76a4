/*
 * A doubly linked list whose links live in the listed objects: adding and
 * removing never allocate and never fail.
 *
 * Thread: any; the list's owner (or lock) is named where the list is declared.
 */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

/* Both the head of a list and the link inside an object. */
struct list {
	struct list *next;
	struct list *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

/* Of a head: no object in it. Of an object's link: it is in no list. */
static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_last(struct list *head, struct list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}

static inline void list_add_first(struct list *head, struct list *item)
{
	list_add_last(head->next, item);
}

/* Out of whatever list it is in; harmless when it is in none. */
static inline void list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

/* All of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_move_all(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_first(head, type, member) \
	(list_is_empty(head) ? NULL : container_of((head)->next, type, member))

#define list_last(head, type, member) \
	(list_is_empty(head) ? NULL : container_of((head)->prev, type, member))

/* Walks the objects; the current one may be removed. */
#define list_each(head, type, member, var) \
	for (type *var = container_of((head)->next, type, member), \
		  *var##_next = container_of(var->member.next, type, member); \
	     &var->member != (head); \
	     var = var##_next, var##_next = container_of(var->member.next, type, member))

#endif
