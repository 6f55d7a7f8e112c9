import type { Properties } from "./messages.js";

/** A thing that is sold. */
export interface Product extends Properties {
  product_id?: string;
  sku?: string;
  name?: string;
  category?: string;
  brand?: string;
  variant?: string;
  price?: number;
  quantity?: number;
  coupon?: string;
  position?: number;
  url?: string;
  image_url?: string;
}

/** A list of things: a category, what was found. */
export interface ProductList extends Properties {
  list_id?: string;
  category?: string;
  products?: Product[];
}

/** A list with what was chosen of it. */
export interface FilteredList extends ProductList {
  filters?: { type?: string; value?: string }[];
  sorts?: { type?: string; value?: string }[];
}

/** A search. */
export interface Search extends Properties {
  query?: string;
}

/** A promotion. */
export interface Promotion extends Properties {
  promotion_id?: string;
  creative?: string;
  name?: string;
  position?: string | number;
}

/** What lies in a cart. */
export interface Cart extends Properties {
  cart_id?: string;
  products?: Product[];
}

/** An order. `Order Completed` is a sale, `Order Refunded` a return. */
export interface Order extends Properties {
  order_id?: string;
  checkout_id?: string;
  affiliation?: string;
  subtotal?: number;
  shipping?: number;
  tax?: number;
  discount?: number;
  coupon?: string;
  products?: Product[];
}

/** A step of the checkout. */
export interface CheckoutStep extends Properties {
  checkout_id?: string;
  order_id?: string;
  step?: number;
  shipping_method?: string;
  payment_method?: string;
}

/** A coupon. */
export interface Coupon extends Properties {
  order_id?: string;
  cart_id?: string;
  coupon_id?: string;
  coupon_name?: string;
  discount?: number;
  reason?: string;
}

/** A product on a wish list. */
export interface WishlistProduct extends Product {
  wishlist_id?: string;
  wishlist_name?: string;
}

/** Something that is shared with somebody. */
export interface Shared extends Product {
  share_via?: string;
  share_message?: string;
  recipient?: string;
  cart_id?: string;
  products?: Product[];
}

/** A review. */
export interface Review extends Properties {
  product_id?: string;
  review_id?: string;
  review_body?: string;
  rating?: number | string;
}

/** The events of Segment's e-commerce specification, and what each may say. */
export interface EcommerceEvents {
  "Products Searched": Search;
  "Product List Viewed": ProductList;
  "Product List Filtered": FilteredList;
  "Promotion Viewed": Promotion;
  "Promotion Clicked": Promotion;
  "Product Clicked": Product;
  "Product Viewed": Product;
  "Product Added": Product;
  "Product Removed": Product;
  "Cart Viewed": Cart;
  "Checkout Started": Order;
  "Checkout Step Viewed": CheckoutStep;
  "Checkout Step Completed": CheckoutStep;
  "Payment Info Entered": CheckoutStep;
  "Order Updated": Order;
  "Order Completed": Order;
  "Order Refunded": Order;
  "Order Cancelled": Order;
  "Coupon Entered": Coupon;
  "Coupon Applied": Coupon;
  "Coupon Denied": Coupon;
  "Coupon Removed": Coupon;
  "Product Added to Wishlist": WishlistProduct;
  "Product Removed from Wishlist": WishlistProduct;
  "Wishlist Product Added to Cart": WishlistProduct;
  "Product Shared": Shared;
  "Cart Shared": Shared;
  "Product Reviewed": Review;
}
